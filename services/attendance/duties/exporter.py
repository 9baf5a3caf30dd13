"""The duty list of a month as a paper to hang up and sign (值班表)."""

from collections.abc import Sequence

from services.attendance.duties.models import Duty
from services.attendance.duties.schemas import DutyKind, DutyState
from shared.china import PlaceNames
from shared.papers import SheetForm, render_sheet
from shared.spreadsheets import DAY, TEXT, Column, PrintLayout, choice_kind
from shared.unit_of_work import CHINA_TIME_ZONE

COLUMNS = (
    Column("work_date", "日期", DAY),
    Column("weekday", "星期", TEXT, width=6),
    Column("kind", "班次", choice_kind(DutyKind), width=8),
    Column("hours", "起止时间", TEXT, width=22),
    Column("person_name", "值班人", TEXT, width=12),
    Column("post", "驻村点", TEXT, width=26),
    Column("state", "状态", choice_kind(DutyState), width=10),
    Column("signed", "值班人签字", TEXT, width=16),
    Column("note", "交接事项", TEXT, width=24),
)
LAYOUT = PrintLayout(signatures=("排班人", "带班领导", "日期", "单位(盖章)"))


def build_duty_sheet(
    duties: Sequence[tuple[Duty, str]], places: PlaceNames, title: str, form: SheetForm
) -> bytes:
    """The shifts with the names of their posts, in order of time; cancelled ones are left out. Call it in a thread."""
    rows = []
    for duty, post in duties:
        begins, ends = (one.astimezone(CHINA_TIME_ZONE) for one in (duty.starts_at, duty.ends_at))
        next_day = "次日" if ends.date() > begins.date() else ""
        rows.append(
            {
                "work_date": duty.work_date,
                "weekday": "一二三四五六日"[duty.work_date.weekday()],
                "kind": duty.kind,
                "hours": f"{begins:%H:%M}至{next_day}{ends:%H:%M}",
                "person_name": duty.person_name,
                "post": f"{places.describe(duty.region)} {post}",
                "state": duty.state,
            }
        )
    return render_sheet(form, COLUMNS, rows, title=title, layout=LAYOUT)
