"""Import of bank and treasury statements (对账单): lines that an earlier statement has are known, the rest is one statement."""

import calendar
from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from pydantic import Field

from services.funds.policy import STATEMENT_HEADS
from services.funds.statements import repository, service
from services.funds.statements.models import StatementLine
from services.funds.statements.schemas import MAX_STATEMENT_LINES, StatementCreate
from services.funds.statements.service import STATEMENT_COLUMNS
from shared.auth import May
from shared.china import format_yuan, normalize_document_no
from shared.errors import FieldError, Invalid
from shared.imports.models import ImportKind, RowOutcome, TableResult, TableUpload
from shared.imports.rows import list_differences
from shared.imports.schemas import ImportQuery
from shared.spreadsheets import SheetLimits, SheetRow
from shared.unit_of_work import UnitOfWork

COMPARED_COLUMNS = tuple(
    column for column in STATEMENT_COLUMNS if column.key in {"amount", "happened_on", "payee"}
)
LineKey = tuple[str, int, date, str, str]


class StatementImportQuery(ImportQuery):
    """导入对账单."""

    title: str = Field("", max_length=200, description="对账单名称; 空为文件名")
    period_from: date | None = Field(None, description="期间起; 空为最早一笔的月初")
    period_to: date | None = Field(None, description="期间止; 空为最晚一笔的月末")


async def open_statement(_work: UnitOfWork, upload: TableUpload) -> "StatementRun":
    """Read the amounts and check the running balance. Invalid when no column says how much."""
    read = {key for part in upload.sheet.parts if part.is_read for key in part.places}
    if not read & {"amount", "debit", "credit"}:
        detail = "缺少列: 金额, 或借方、贷方发生额"
        raise Invalid(detail, errors=[FieldError("unknown_title", detail, pointer="/query/mapping")])
    service.read_amounts(upload.sheet)
    _note_gaps(upload.sheet.rows)
    return StatementRun(upload)


def _note_gaps(rows: Sequence[SheetRow]) -> None:
    """Note the rows whose balance does not follow from the one before: lines are missing there."""
    for before, row in pairwise(rows):
        balances = before.values.get("balance"), row.values.get("balance")
        if before.sheet != row.sheet or None in balances or row.values.get("amount") is None:
            continue
        gap = balances[0] - row.values["amount"] - balances[1]
        if gap:
            row.notes.append(f"余额与上一行不衔接, 差 {format_yuan(abs(gap))} 元, 其间可能缺行")


class StatementRun:
    """One statement being imported."""

    def __init__(self, upload: TableUpload) -> None:
        self.query: StatementImportQuery = upload.query
        self.is_loaded = False
        self.known: Counter[LineKey] = Counter()
        self.by_number: dict[str, StatementLine] = {}
        self.seen: Counter[LineKey] = Counter()

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Tell which lines an earlier statement has, and which it has otherwise."""
        if not self.is_loaded:
            await self._load_known(work)
        return [self._judge(row) if row.is_valid else RowOutcome() for row in rows]

    async def _load_known(self, work: UnitOfWork) -> None:
        lines = await repository.list_statement_lines(work, self.query.region)
        self.is_loaded, self.known = True, Counter(_build_key(line.model_dump()) for line in lines)
        self.by_number = {normalize_document_no(line.voucher_no): line for line in lines if line.voucher_no}

    def _judge(self, row: SheetRow) -> RowOutcome:
        """A line is known as often as earlier statements have it; a known number with other content differs."""
        key = _build_key(row.values)
        self.seen[key] += 1
        if self.seen[key] <= self.known[key]:
            return RowOutcome(already=True)
        number = normalize_document_no(row.values.get("voucher_no") or "")
        line = self.by_number.get(number) if number else None
        if line is None or self.known[key]:
            return RowOutcome()
        differs = list_differences(COMPARED_COLUMNS, row, line.model_dump())
        return RowOutcome(line.statement_id, already=bool(differs), differs=differs)

    async def finish(
        self, work: UnitOfWork, rows: Sequence[SheetRow], known: Sequence[SheetRow]
    ) -> TableResult:
        """Register the new lines as one statement and match it."""
        days = [row.values["happened_on"] for row in rows]
        first, last = self.query.period_from or min(days), self.query.period_to or max(days)
        if self.query.period_from is None:
            first = first.replace(day=1)
        if self.query.period_to is None:
            last = last.replace(day=calendar.monthrange(last.year, last.month)[1])
        body = StatementCreate.model_construct(
            id=None,
            region=self.query.region,
            title=self.query.title or self.query.name[:200] or f"{first} 至 {last} 对账单",
            period_from=first,
            period_to=last,
            file_id=None,
            lines=[service.build_line_write(row.values) for row in rows],
        )
        statement = await service.create_statement(work, body)
        text = f"已登记对账单, {len(rows)} 笔" + (f"; {len(known)} 笔此前的对账单中已有" if known else "")
        return TableResult(statement.id, text)


def _build_key(values: dict[str, Any]) -> LineKey:
    texts = [str(values.get(key) or "").strip() for key in ("voucher_no", "payee", "purpose")]
    return normalize_document_no(texts[0]), values["amount"], values["happened_on"], *texts[1:]


STATEMENT_TABLE = ImportKind(
    name="statements",
    label="对账单",
    mays=(May.RECONCILE,),
    columns=STATEMENT_COLUMNS,
    heads=STATEMENT_HEADS,
    open=open_statement,
    query=StatementImportQuery,
    identity=("happened_on",),
    makes_one_record=True,
    limits=SheetLimits(rows=MAX_STATEMENT_LINES),
    batch_rows=1000,
)
