"""The banks' ledger of small loans: a row a loan. A loan that is known (person, bank, day) is compared and not changed."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from services.households.loans import repository
from services.households.loans.lifecycle import LoanState
from services.households.loans.models import SmallLoan
from services.households.loans.schemas import LoanCreate
from services.households.loans.service import insert_loan
from services.households.personal import mark_person
from services.households.policy import LOAN_HEADS
from shared.auth import May
from shared.china import PlaceNames, add_months, parse_person_number
from shared.errors import invalid_field
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.imports.rows import list_differences, take_each_row
from shared.records.region_names import find_place_names
from shared.spreadsheets import DAY, TEXT, WAN, YUAN, Cell, Column, SheetLimits, SheetRow
from shared.unit_of_work import UnitOfWork

MAX_ROWS = 20_000
VILLAGE_PART = slice(9, 12)
MONTHS_A_YEAR = 12
SHARE_LIMIT = Decimal(1)
"""A rate below one that has no percent sign is a share: 0.0365 is 3.65 %."""
TERM_TOLERANCE = timedelta(days=31)
STATE_WORDS = {
    "正常": LoanState.LENT,
    "在贷": LoanState.LENT,
    "逾期": LoanState.LENT,
    "展期": LoanState.EXTENDED,
    "已展期": LoanState.EXTENDED,
    "已结清": LoanState.SETTLED,
    "结清": LoanState.SETTLED,
}


def _read_term(cell: Cell) -> int:
    """Months: 36, 36个月, 3年."""
    text = unicodedata.normalize("NFKC", str(TEXT.read(cell))).strip()
    number = text.removesuffix("年").removesuffix("月").removesuffix("个").strip()
    if not number.isdecimal():
        raise ValueError(f"期限请写成 36个月 或 3年: {text[:20]!r}")
    return int(number) * (MONTHS_A_YEAR if text.endswith("年") else 1)


def _read_rate(cell: Cell) -> str:
    """Per cent a year: 4.3%, 3.65, 0.0365."""
    text = unicodedata.normalize("NFKC", str(TEXT.read(cell))).strip()
    try:
        value = Decimal(text.removesuffix("%"))
    except InvalidOperation:
        raise ValueError(f"利率请写成 4.35%: {text[:20]!r}") from None
    percent = value * 100 if value < SHARE_LIMIT and not text.endswith("%") else value
    if not 0 <= percent < 100:  # noqa: PLR2004 - per cent
        raise ValueError(f"利率超出范围: {text[:20]!r}")
    return format(percent.normalize(), "f")


def _read_state(cell: Cell) -> str:
    text = str(TEXT.read(cell))
    if text not in STATE_WORDS:
        raise ValueError(f"须为 {'、'.join(STATE_WORDS)}: {text[:20]!r}")
    return text


LOAN_COLUMNS = (
    Column("town", "乡镇"),
    Column("village", "村", required=True),
    Column("name", "借款人", required=True),
    Column(
        "id_no",
        "身份证号",
        required=True,
        holds_number=True,
        reader=lambda cell: parse_person_number(str(TEXT.read(cell))),
    ),
    Column("bank", "放贷银行", required=True),
    Column("principal", "贷款金额(万元)", WAN, aliases=("贷款金额", "放款金额"), required=True),
    Column("lent_on", "放款日", DAY, required=True),
    Column("due_on", "到期日", DAY, required=True),
    Column("term", "期限", reader=_read_term),
    Column("rate", "年利率", required=True, reader=_read_rate),
    Column("subsidy", "已贴息(元)", YUAN, aliases=("贴息金额", "已贴息")),
    Column("balance", "贷款余额(元)", YUAN, aliases=("贷款余额", "余额")),
    Column("purpose", "用途", required=True),
    Column("state", "状态", required=True, reader=_read_state, choices=tuple(STATE_WORDS)),
)
COMPARED_KEYS = {"principal", "due_on", "rate", "subsidy", "balance", "purpose"}
COMPARED_COLUMNS = tuple(column for column in LOAN_COLUMNS if column.key in COMPARED_KEYS)


async def open_table(work: UnitOfWork, upload: TableUpload) -> "LoanRun":
    """Resolve the villages before the first row is taken."""
    return LoanRun(await find_place_names(work, upload.query.region, fresh=True))


@dataclass
class LoanRun(RowRun):
    """One ledger being imported."""

    names: PlaceNames

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Create the loan of every row that is not known."""
        marks = {mark_person(work, row.values["id_no"]) for row in rows if row.values.get("id_no")}
        known = {
            (one.id_mark, one.bank, one.lent_on): one
            for one in await repository.system_list_by_mark(work, marks)
        }

        async def take(row: SheetRow) -> RowOutcome:
            values = row.values
            key = (mark_person(work, values["id_no"]), values["bank"], values["lent_on"])
            if key in known:
                differs = list_differences(COMPARED_COLUMNS, row, known[key].model_dump(mode="python"))
                return RowOutcome(known[key].id, already=True, differs=differs)
            known[key] = await self._create(work, row)
            return RowOutcome(known[key].id)

        return await take_each_row(work, rows, take)

    async def _create(self, work: UnitOfWork, row: SheetRow) -> SmallLoan:
        values = row.values
        answer = self.names.resolve(values.get("town") or "", values.get("village") or "")
        if answer.question or len(answer.codes) != 1 or not answer.codes[0][VILLAGE_PART].strip("0"):
            raise invalid_field("no_village", answer.question or "须写明一个村", "/village", "No village")
        if not work.actor.has_access(May.HELP_ENTER, answer.codes[0]):
            raise invalid_field("elsewhere", "这个村不在您的辖区", "/village", "Outside of the region")
        _require_agreement(work, values)
        row.notes += answer.notes
        body = LoanCreate.model_construct(
            id=None,
            region=answer.codes[0],
            subsidy=values.get("subsidy") or 0,
            balance=values.get("balance"),
            **{
                name: values[name]
                for name in ("name", "id_no", "bank", "principal", "rate", "lent_on", "due_on", "purpose")
            },
        )
        return await insert_loan(work, body, STATE_WORDS[values["state"]])


def _require_agreement(work: UnitOfWork, values: dict[str, Any]) -> None:
    """Invalid where what a row says twice does not agree: the term, being overdue, being settled."""
    term = values.get("term")
    if term and abs(add_months(values["lent_on"], term) - values["due_on"]) > TERM_TOLERANCE:
        raise invalid_field("differs", f"期限 {term} 个月与放款日、到期日不符", "/term", "The term differs")
    if values["state"] == "逾期" and values["due_on"] >= work.today:
        raise invalid_field("not_due", "没有到期的贷款不是逾期", "/state", "It is not due")
    if STATE_WORDS[values["state"]] is LoanState.SETTLED and values.get("balance"):
        raise invalid_field("not_settled", "已结清的贷款余额须为0", "/balance", "There is a balance")


LOAN_TABLE = ImportKind(
    name="loans",
    label="小额信贷台账",
    mays=(May.HELP_ENTER,),
    columns=LOAN_COLUMNS,
    heads=LOAN_HEADS,
    open=open_table,
    identity=("id_no", "bank", "lent_on"),
    is_confidential=True,
    limits=SheetLimits(rows=MAX_ROWS),
)
