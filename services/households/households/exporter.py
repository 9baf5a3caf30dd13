"""The ledger of monitored households as a workbook, ready to print and sign; it names nobody in clear."""

from collections.abc import Sequence
from datetime import date
from io import BytesIO

from services.households.households.models import Household
from services.households.households.rules import WORDS
from shared.china import PlaceNames
from shared.spreadsheets import DAY, INTEGER, TEXT, Column, PrintLayout, WorkbookWriter

LEDGER_COLUMNS = (
    Column("seq", "序号", INTEGER, width=6),
    Column("town", "乡镇", TEXT, width=12),
    Column("village", "村", TEXT, width=16),
    Column("head", "户主", TEXT, width=10),
    Column("size", "人数", INTEGER, width=6),
    Column("household_type", "户类型", TEXT, width=12),
    Column("monitor_class", "监测对象类别", TEXT, width=16),
    Column("verified_on", "入户核查日期", DAY),
    Column("identified_on", "识别日期", DAY),
    Column("state", "监测状态", TEXT, width=14),
    Column("removed_on", "消除日期", DAY),
    Column("removal_way", "消除方式", TEXT, width=10),
    Column("cadre_name", "帮扶责任人", TEXT, width=12),
    Column("faults", "数据校验", TEXT, width=30),
)


def build_ledger_workbook(households: Sequence[Household], names: PlaceNames, on: date) -> bytes:
    """The XLSX bytes, A4 landscape with the number of people and lines to sign. CPU-bound: call it in a thread."""
    layout = PrintLayout(size="A4", sums=("size",), signatures=("填表人", "审核人", "日期", "单位(盖章)"))
    buffer = BytesIO()
    with WorkbookWriter(buffer) as book:
        sheet = book.add_sheet(
            "监测台账", LEDGER_COLUMNS, title="防返贫监测台账", note=f"截至 {on}", layout=layout
        )
        for seq, one in enumerate(households, 1):
            _, town, village = names.get_names(one.region)
            sheet.add_row(
                one.model_dump(include={"size", "verified_on", "identified_on", "removed_on", "cadre_name"})
                | {
                    "seq": seq,
                    "town": town,
                    "village": village or one.region,
                    "head": one.head_masked,
                    "household_type": one.household_type.label,
                    "monitor_class": one.monitor_class.label,
                    "state": one.state.label,
                    "removal_way": one.removal_way.label if one.removal_way else "",
                    "faults": "、".join(WORDS[code] for code in one.faults),
                }
            )
    return buffer.getvalue()
