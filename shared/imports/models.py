"""Columns of the tables of imports, and what a service declares: its tables and its kinds of table."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from shared.auth import May
from shared.db import JSON, Record, text_enum
from shared.imports.schemas import ImportQuery, ImportState
from shared.records.table_imports import HeadTitles
from shared.rules import RuleKey
from shared.spreadsheets import Column, Sheet, SheetLimits, SheetRow
from shared.unit_of_work import UnitOfWork


class ImportJobRow(Record):
    """一次导入. `done` counts processed rows and is committed with their results; `actor` is a copy of the uploader's rights."""

    kind: str = Field(max_length=40)
    name: str = Field(default="", max_length=255)
    sha256: str = Field(max_length=64)
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    dry_run: bool = False
    partial: bool = False
    actor: dict[str, Any] = Field(sa_type=JSON)
    state: ImportState = Field(sa_type=text_enum(ImportState))
    total: int
    done: int = 0
    imported: int = 0
    already: int = 0
    differs: int = 0
    wrong: int = 0
    record_id: UUID | None = None
    mapping: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    report: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    message: str = Field(default="", max_length=500)
    finished_at: datetime | None = None


class ImportResultRow(SQLModel):
    """导入表的一行: its record, or its errors. Each row is processed exactly once (unique job and position)."""

    id: UUID = Field(primary_key=True)
    job_id: UUID
    position: int
    sheet: str = Field(default="", max_length=100)
    number: int
    record_id: UUID | None = None
    already: bool = False
    wrong: bool = False
    is_different: bool = False
    faults: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    differs: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    notes: list[str] = Field(default_factory=list, sa_type=JSON)


class ImportMappingRow(SQLModel):
    """列的对应关系: what a district last said the titles of a header mean; `signature` is the SHA-256 of the titles."""

    region: str = Field(max_length=12, primary_key=True)
    kind: str = Field(max_length=40, primary_key=True)
    signature: str = Field(max_length=64, primary_key=True)
    mapping: dict[str, str] = Field(sa_type=JSON)
    updated_at: datetime
    updated_by: str = Field(max_length=64)


def job_table_args() -> tuple[sa.Index, ...]:
    """Indexes of a table of imports."""
    return sa.Index(None, "state", "id"), sa.Index(None, "region", "created_at", "id")


def result_table_args(job_table: str) -> tuple[sa.ForeignKeyConstraint | sa.UniqueConstraint, ...]:
    """Constraints of a table of row results."""
    return sa.ForeignKeyConstraint(["job_id"], [f"{job_table}.id"]), sa.UniqueConstraint("job_id", "position")


@dataclass(slots=True)
class RowOutcome:
    """What became of a valid row: its record, whether it was there before, and in which columns it differs from it."""

    record_id: UUID | None = None
    already: bool = False
    differs: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TableResult:
    """What became of a whole table: the record that it is now, and a sentence for the clerk."""

    record_id: UUID | None
    message: str


@dataclass(frozen=True, slots=True)
class TableUpload:
    """An uploaded table as its kind sees it; `query` is an instance of the kind's `query`."""

    job_id: UUID
    sheet: Sheet
    query: Any
    dry_run: bool
    partial: bool


class TableRun(Protocol):
    """One table being imported. Errors of a row are added to it; outcomes are those of the valid rows."""

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Take some rows, in their order: one outcome for each, that of a wrong row is not read."""

    async def finish(
        self, work: UnitOfWork, rows: Sequence[SheetRow], known: Sequence[SheetRow]
    ) -> TableResult | None:
        """Take the whole table after its last row: the valid rows that are new, and those that were there before."""


class RowRun:
    """A table whose rows are taken one by one: nothing is left to do after the last."""

    async def finish(
        self, work: UnitOfWork, rows: Sequence[SheetRow], known: Sequence[SheetRow]
    ) -> TableResult | None:
        """Nothing."""


@dataclass(frozen=True)
class ImportKind:
    """One kind of table: its columns, the rule of its titles, who may import it (any of `mays`), and how.

    `open` is called outside of the write transaction and may ask other services. `makes_one_record`: the table becomes
    one record at its end, all rows or, with `partial`, the valid ones. `is_confidential`: the file is stored encrypted,
    cells appear in no answer, only the uploader gets the workbook. `convert` makes a table of other forms before it is
    stored, `prepare` drops what is no record after it is read. `cross`: of a cross table, see `read_sheet`.
    """

    name: str
    label: str
    mays: tuple[May, ...]
    columns: Sequence[Column]
    heads: RuleKey[HeadTitles]
    open: Callable[[UnitOfWork, TableUpload], Awaitable[TableRun]]
    query: type[ImportQuery] = ImportQuery
    convert: Callable[[bytes], bytes] = bytes
    prepare: Callable[[Sheet], None] | None = None
    identity: tuple[str, ...] = ()
    cross: Column | None = None
    makes_one_record: bool = False
    is_confidential: bool = False
    limits: SheetLimits = field(default_factory=SheetLimits)
    batch_rows: int = 100


@dataclass(frozen=True)
class ImportConfig:
    """A service's imports: where they are found, their tables and kinds."""

    path: str
    label: str
    job: type[ImportJobRow]
    result: type[ImportResultRow]
    mapping: type[ImportMappingRow]
    kinds: tuple[ImportKind, ...]

    def get_kind(self, name: str) -> ImportKind:
        """The kind of this name."""
        return next(kind for kind in self.kinds if kind.name == name)

    @property
    def job_table(self) -> sa.Table:
        """The table of imports."""
        return self.job.__table__  # type: ignore[attr-defined, no-any-return]

    @property
    def result_table(self) -> sa.Table:
        """The table of row results."""
        return self.result.__table__  # type: ignore[attr-defined, no-any-return]

    @property
    def mapping_table(self) -> sa.Table:
        """The table of remembered mappings."""
        return self.mapping.__table__  # type: ignore[attr-defined, no-any-return]
