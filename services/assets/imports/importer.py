"""A ledger of assets as a job: the sound rows are taken batch by batch; known assets are told and compared."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from pydantic import Field

from services.assets.ledgers.schemas import LEDGER_COLUMNS
from services.assets.policy import IMPORT_HEADS
from services.assets.register import importer, repository
from services.assets.register.importer import MAX_ROWS, TABLE_KIND, LedgerAsset
from shared.auth import May
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.imports.rows import list_differences
from shared.imports.schemas import ImportQuery
from shared.records.region_names import find_place_names
from shared.spreadsheets import SheetLimits, SheetRow
from shared.unit_of_work import UnitOfWork

COMPARED_COLUMNS = tuple(column for column in LEDGER_COLUMNS if column.key in {"original_value", "built_on"})


class LedgerImportQuery(ImportQuery):
    """导入台账."""

    register_too: bool = Field(False, description="同时登记并编号; 否则为草稿")


async def open_ledger(work: UnitOfWork, upload: TableUpload) -> "LedgerRun":
    """Resolve the places and check every row."""
    names = await find_place_names(work, upload.query.region, fresh=True)
    assets = await importer.check_rows(work, upload.sheet, names, register_too=upload.query.register_too)
    counts: Counter[tuple[str, str]] = Counter(_get_place(row) for row in upload.sheet.rows)
    firsts: dict[importer.LedgerKey, int] = {}
    for row in upload.sheet.rows:
        key = importer.get_key(row)
        if firsts.setdefault(key, row.number) != row.number and None not in key:
            row.add_error("name", f"与第 {firsts[key]} 行相同")
    return LedgerRun(
        upload.query, {id(row): asset for row, asset in zip(upload.sheet.rows, assets, strict=True)}, counts
    )


def _get_place(row: SheetRow) -> tuple[str, str]:
    return str(row.values.get("region")), str(row.values.get("name"))


@dataclass
class LedgerRun(RowRun):
    """One ledger being imported; `counts` says how often a name stands in a village."""

    query: LedgerImportQuery
    assets: dict[int, LedgerAsset | None]
    counts: Counter[tuple[str, str]]

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Create the assets of the sound rows that the register does not have."""
        known: dict[tuple[str, str], list[sa.Row[tuple[object, ...]]]] = {}
        for one in await repository.list_assets_named(work, {str(row.values.get("name")) for row in rows}):
            known.setdefault((work.context.mergers.find_current(one.region), one.name), []).append(one)
        outcomes = {id(row): self._judge(row, known) for row in rows if row.is_valid}
        new = [row for row in rows if row.is_valid and not outcomes[id(row)].already]
        ledger = [asset for row in new if (asset := self.assets[id(row)]) is not None]
        created = await importer.create_assets(work, ledger, register_too=self.query.register_too)
        for row, saved in zip(new, created, strict=True):
            outcomes[id(row)].record_id = saved.id
        return [outcomes.get(id(row), RowOutcome()) for row in rows]

    def _judge(
        self, row: SheetRow, known: dict[tuple[str, str], list[sa.Row[tuple[object, ...]]]]
    ) -> RowOutcome:
        """An asset of the same village, name, value and date is known; one that alone has the name there differs."""
        place = _get_place(row)
        found = known.get(place, [])
        for one in found:
            if (one.original_value, one.built_on) == importer.get_key(row)[2:]:
                return RowOutcome(one.id, already=True)
        if len(found) != 1 or self.counts[place] != 1:
            return RowOutcome()
        told = {"original_value": found[0].original_value, "built_on": found[0].built_on}
        return RowOutcome(found[0].id, already=True, differs=list_differences(COMPARED_COLUMNS, row, told))


LEDGER_TABLE = ImportKind(
    name=TABLE_KIND,
    label="项目资产台账",
    mays=(May.ASSET_REGISTER,),
    columns=LEDGER_COLUMNS,
    heads=IMPORT_HEADS,
    open=open_ledger,
    query=LedgerImportQuery,
    identity=("name",),
    limits=SheetLimits(rows=MAX_ROWS),
    batch_rows=200,
)
