"""Columns of the table of requests about personal data, and what a service declares: which columns hold whose values."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from shared.auth import May
from shared.db import JSON, Record, text_enum
from shared.imports.models import ImportConfig
from shared.person_requests.lifecycle import (
    ErasureBasis,
    PersonRequestKind,
    PersonRequestLifecycle,
    PersonRequestState,
)
from shared.unit_of_work import UnitOfWork

ERASED_WORDS = "已删除"
ACCOUNT_NAME = object()
"""Stands in `empties` for what the erased account is called."""
SHORT_ID = 8
VOUCHER_YEARS = 30
"""会计凭证的保管期限, 从会计年度终了后的第一天算起: 《会计档案管理办法》(财政部、国家档案局令第79号)第十四条、附表1."""
VOUCHER_WORDS = "会计凭证保管三十年(会计档案管理办法第十四条; 个人信息保护法第四十七条第二款)"


class PersonRequestRow(Record):
    """个人信息请求. Name and phone are sealed, of the id number only the blind index stays; a closed request holds none of them."""

    kind: PersonRequestKind = Field(sa_type=text_enum(PersonRequestKind))
    name_sealed: str = Field(default="", sa_type=sa.Text)
    name_masked: str = Field(default="", max_length=50)
    phone_sealed: str = Field(default="", sa_type=sa.Text)
    id_mark: str = Field(default="", max_length=32)
    basis: ErasureBasis | None = Field(default=None, sa_type=text_enum(ErasureBasis))
    document: str = Field(max_length=200)
    received_on: date
    due_on: date | None = None
    held_by: str = Field(default="", max_length=64)
    decided_by: str = Field(default="", max_length=64)
    outcome: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    state: PersonRequestState = Field(sa_type=text_enum(PersonRequestState))
    state_since: datetime


def person_request_table_args() -> tuple[sa.Index, ...]:
    """Indexes of a table of requests."""
    return sa.Index(None, "region", "created_at", "id"), sa.Index(None, "state", "id_mark")


@dataclass(frozen=True)
class Subject:
    """The person a request names, in clear: name and phone normalized, `mark` the blind index of the id number or account."""

    name: str
    name_masked: str
    phone: str
    mark: str
    region: str
    account: str = ""
    """The account that is the person's, where a request is about one."""

    @property
    def is_of_village(self) -> bool:
        """Whether the request is about one village: there a name and nothing else tells a person."""
        return self.region[9:] != "000"

    def has_mark(self, column: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column
        """Condition: the column is the blind index of this person's id number; never without a number."""
        return sa.and_(sa.literal(bool(self.mark)), column == self.mark)


def is_kept_voucher(work: UnitOfWork, paid_on: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column
    """Condition: a payment of this day stands on a voucher that must still be kept."""
    found: sa.ColumnElement[bool] = paid_on >= date(work.today.year - VOUCHER_YEARS, 1, 1)
    return found


def random_mark() -> str:
    """A blind index of nobody: it takes the place of one, so that two erased rows are not the same person."""
    return secrets.token_hex(16)


def name_erased_account(account: str) -> str:
    """What an account is called once its person was erased; its id stays in logs and books."""
    return f"已注销人员{hashlib.sha256(account.encode()).hexdigest()[:SHORT_ID]}"


def _always(_work: UnitOfWork, _subject: Subject) -> sa.ColumnElement[bool]:
    return sa.true()


@dataclass(frozen=True, kw_only=True)
class PersonalRows:
    """Which rows of a table hold personal values of a person, and what becomes of them.

    `find` is the condition of the candidates, within the region of the request where the table has one; `numbered` ones are
    found by the id number, and one that stands there under another name refuses the request. A candidate is the person's
    when its sealed field `name` opens to their name and, unless `certain` holds, its sealed field `phone` to their phone or
    the request is about the row's village.

    `opens` are sealed fields and `shows` plain columns of the copy, `withheld` what may name others. `empties` maps columns to
    what stands in them afterwards, a function gives each row its own; rows with `deletes` are removed. `source` is the
    column with the id that an import notes, where that is not the row's. `files` is a column with ids of files whose contents
    go, `notice` the subject kind of the public notices of the row. `kept` are duties against erasure: words with their basis
    → condition.
    """

    model: Any
    label: str
    find: Callable[[UnitOfWork, Subject], sa.ColumnElement[bool]]
    empties: Mapping[str, Any] = field(default_factory=dict)
    deletes: bool = False
    certain: Callable[[UnitOfWork, Subject], sa.ColumnElement[bool]] = _always
    numbered: bool = False
    name: str = ""
    phone: str = ""
    opens: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    source: str = "id"
    files: str = ""
    notice: str = ""
    kept: Mapping[str, Callable[[UnitOfWork], sa.ColumnElement[bool]]] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundRow:
    """A row about the person; `kept` says why it must stay, empty when it may go."""

    rows: PersonalRows
    record: Any
    kept: str


@dataclass(frozen=True)
class SourceTables:
    """The tables of imports of their own make; `record` is the column of a row's result with the id of its record."""

    job_table: sa.Table
    result_table: sa.Table
    record: str


@dataclass(frozen=True)
class PersonRequests:
    """A service's requests: table, lifecycle, who handles them, where personal values stand, whose uploaded tables hold them.

    `find_blocks` says in sentences why nothing of the person may be erased yet; it is called before the first statement and
    may ask other services. `conclude` is called in the transaction of an erasure, after the rows were emptied.
    """

    row: type[PersonRequestRow]
    lifecycle: PersonRequestLifecycle
    may: May
    rows: Sequence[PersonalRows]
    imports: ImportConfig | SourceTables | None = None
    find_blocks: Callable[[UnitOfWork, Subject], Awaitable[tuple[str, ...]]] | None = None
    conclude: Callable[[UnitOfWork, Subject], Awaitable[None]] | None = None
