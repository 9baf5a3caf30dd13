"""A month's attendance sheet as kept on paper (√ ○ △ × 事 病 公): what the signs say becomes the records of each day.

√ becomes a check-in entered by the office, 事, 病 and △ granted leaves, ○ an errand that the town knew of; × and 休 become
nothing. What the system already has for a day stays as it is. A row whose stated sums its signs do not give, or
whose working days are blank, is asked about.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import Field

from services.attendance.check_ins import repository as check_ins
from services.attendance.check_ins.schemas import CheckInSource, Kind, Result
from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.fields import get_district
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.leaves.schemas import DayPart
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import send_message
from services.attendance.months import repository
from services.attendance.policy import (
    MONTH_SIGN_HEADS,
    PRESENCE_RULES,
    Approver,
    ErrandKind,
    LeaveKind,
    load_calendar,
)
from services.attendance.posts.importer import MonthTable, open_month_table
from services.attendance.posts.models import Assignment
from shared.auth import May
from shared.china import LabelledEnum, is_workday, list_days
from shared.clients.attendance import RequestMoved
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.imports.rows import take_each_row
from shared.imports.schemas import ImportQuery
from shared.records import insert_record
from shared.spreadsheets import NUMBER, TEXT, Column, Sheet, SheetRow
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

NOON = time(12)
EVENING = time(18)
BOTH = (DayPart.MORNING, DayPart.EVENING)
REMARK = "纸质月度考勤表"
MONTH_PATTERN = r"^(20\d\d-(0[1-9]|1[0-2]))?$"


class Sign(LabelledEnum):
    """What a sign on the sheet says of a half day."""

    PRESENT = "present", "在岗"
    ERRAND = "errand", "公出"
    PERSONAL = "personal", "事假"
    SICK = "sick", "病假"
    ANNUAL = "annual", "年休假"
    OTHER_LEAVE = "other", "其他假"
    ABSENT = "absent", "缺勤"
    REST = "rest", "休息"


LEAVE_KINDS = {
    Sign.PERSONAL: LeaveKind.PERSONAL,
    Sign.SICK: LeaveKind.SICK,
    Sign.ANNUAL: LeaveKind.ANNUAL,
    Sign.OTHER_LEAVE: LeaveKind.OTHER,
}
USUAL_SIGNS = {
    **dict.fromkeys("√✓✔勤岗在", Sign.PRESENT),
    **dict.fromkeys("○〇◯O公差出培会", Sign.ERRAND),
    **dict.fromkeys("事", Sign.PERSONAL),
    **dict.fromkeys("病", Sign.SICK),
    **dict.fromkeys("△年", Sign.ANNUAL),
    **dict.fromkeys("婚产丧探假请", Sign.OTHER_LEAVE),
    **dict.fromkeys("×✗✘X缺旷", Sign.ABSENT),
    **dict.fromkeys("休节", Sign.REST),
}
"""The usual signs; the legend of a sheet (注: √在岗 △事假) stands before them."""
LEGEND_WORDS = (
    ("年休", Sign.ANNUAL),
    ("事假", Sign.PERSONAL),
    ("病假", Sign.SICK),
    ("公", Sign.ERRAND),
    ("出差", Sign.ERRAND),
    ("缺", Sign.ABSENT),
    ("旷", Sign.ABSENT),
    ("节", Sign.REST),
    ("休", Sign.REST),
    ("假", Sign.OTHER_LEAVE),
    ("岗", Sign.PRESENT),
    ("出勤", Sign.PRESENT),
    ("驻村", Sign.PRESENT),
)
"""A word in a legend → what its sign says; the first that occurs counts."""
_LEGEND = re.compile(r"([^\w\s,;:()、。]|[\u4e00-\u9fffOX])\s*[:=]?\s*([\u4e00-\u9fff]{2,8})")
SUMS = {
    "present": (Sign.PRESENT,),
    "leave": tuple(LEAVE_KINDS),
    "errand": (Sign.ERRAND,),
    "absent": (Sign.ABSENT,),
}
DAY_COLUMNS = tuple(
    Column(f"day{day}", f"{day}日", TEXT, aliases=(str(day), f"{day}号", f"{day:02}")) for day in range(1, 32)
)
SIGN_COLUMNS = (
    Column("village", "所驻村", TEXT),
    Column("name", "姓名", TEXT, required=True),
    *DAY_COLUMNS,
    Column("present", "在岗天数", NUMBER),
    Column("leave", "请假天数", NUMBER),
    Column("errand", "公出天数", NUMBER),
    Column("absent", "缺勤天数", NUMBER),
)


class MonthImportQuery(ImportQuery):
    """导入一个月的表."""

    month: str = Field("", pattern=MONTH_PATTERN, description="哪个月, 如 2023-05; 空则看表的标题")


@dataclass(frozen=True)
class PersonMonth:
    """What a row says: the person's assignment, and the signs of both halves of each day."""

    assignment: Assignment
    days: dict[date, tuple[Sign, Sign]]

    def list_halves(self, *, splits_days: bool = False) -> Iterator[tuple[date, DayPart, Sign]]:
        """The half days that become a record; a day of one sign is one, as DAY, unless presence is shown twice a day."""
        for on, signs in self.days.items():
            is_whole = signs[0] == signs[1] and not (splits_days and signs[0] is Sign.PRESENT)
            halves = [(DayPart.DAY, signs[0])] if is_whole else list(zip(BOTH, signs, strict=True))
            for part, sign in halves:
                if sign is Sign.PRESENT or sign is Sign.ERRAND or sign in LEAVE_KINDS:
                    yield on, part, sign


def build_record_id(person: str, on: date, part: DayPart, sign: Sign) -> UUID:
    """The id of what a sheet's sign becomes, so that it is stored once."""
    return uuid5(NAMESPACE_URL, f"xianjie:month_sign:{person}:{on}:{part}:{sign}")


def read_legend(sheet: Sheet) -> dict[str, Sign]:
    """The signs as the notes of the sheet explain them."""
    legend: dict[str, Sign] = {}
    cells = chain.from_iterable(chain.from_iterable(table.grid[-6:]) for table in sheet.tables)
    for cell in cells:
        text = unicodedata.normalize("NFKC", cell) if isinstance(cell, str) else ""
        if not any(word in text for word in ("假", "岗", "勤")):
            continue
        for sign, words in _LEGEND.findall(re.sub(r"\([^()]*\)", " ", text)):
            found = next((meaning for part, meaning in LEGEND_WORDS if part in words), None)
            if found is not None:
                legend.setdefault(sign, found)
    return legend


async def open_signs(work: UnitOfWork, upload: TableUpload) -> "SignRun":
    """Resolve the persons and read the signs of every row."""
    table = await open_month_table(work, upload, upload.query.month)
    signs = USUAL_SIGNS | read_legend(upload.sheet)
    changes = await load_calendar(work, get_district(upload.query.region))
    workdays = {
        day for day in list_days(table.first, min(table.last, work.today)) if is_workday(day, changes=changes)
    }
    run = SignRun(table)
    for row in upload.sheet.rows:
        if row.is_valid and (assignment := table.find_assignment(work, row)) is not None:
            month = PersonMonth(assignment, _read_days(row, table, signs))
            _check_row(row, month, workdays)
            if any(other.assignment.person == assignment.person for other in run.months.values()):
                row.add_error("name", "这个人在表中出现两次")
            run.months[id(row)] = month
    return run


def _read_days(row: SheetRow, table: MonthTable, signs: dict[str, Sign]) -> dict[date, tuple[Sign, Sign]]:
    days: dict[date, tuple[Sign, Sign]] = {}
    for column in DAY_COLUMNS:
        text = "".join(unicodedata.normalize("NFKC", row.values.get(column.key) or "").split())
        number = int(column.key.removeprefix("day"))
        if not text:
            continue
        if number > table.last.day:
            row.add_error(column.key, f"{table.first.month}月没有{number}日")
            continue
        parts = [signs.get(part) or signs.get(part[:1]) for part in re.split(r"[/、|]", text)]
        if None in parts or len(parts) > len(BOTH):
            row.add_error(column.key, f"不认识“{text[:10]}”; 可在表下注明符号, 如 √在岗 △事假")
            continue
        first, second = parts[0], parts[-1]
        if first is not None and second is not None:
            days[table.first.replace(day=number)] = (first, second)
    return days


def _check_row(row: SheetRow, month: PersonMonth, workdays: set[date]) -> None:
    """A working day that says nothing, and sums that the signs do not give, are asked about."""
    assignment = month.assignment
    blank = [
        f"{on.month}月{on.day}日"
        for on in sorted(workdays - month.days.keys())
        if assignment.starts_on <= on and (assignment.ends_on is None or on <= assignment.ends_on)
    ]
    if blank:
        row.add_error("", f"{'、'.join(blank[:5])}(工作日)空白")
    counts = Counter(chain.from_iterable(month.days.values()))
    for key, signs in SUMS.items():
        stated, counted = row.values.get(key), Decimal(sum(counts[sign] for sign in signs)) / 2
        if row.is_valid and stated is not None and stated != counted:
            row.add_error(key, f"写 {stated:g}, 按符号数为 {counted:g}")


@dataclass
class SignRun(RowRun):
    """One sheet being imported; `months`: what each row says."""

    table: MonthTable
    months: dict[int, PersonMonth] = field(default_factory=dict)

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Make the records of the persons whose sheet was not taken before."""
        persons = [self.months[id(row)].assignment.person for row in rows if row.is_valid]
        known = await repository.list_day_records(work, persons, self.table.first, self.table.last)

        async def take(row: SheetRow) -> RowOutcome:
            month = self.months[id(row)]
            return await self._take(work, row, month, known.get(month.assignment.person, {}))

        return await take_each_row(work, rows, take)

    async def _take(
        self, work: UnitOfWork, row: SheetRow, month: PersonMonth, known: dict[UUID, tuple[date, date]]
    ) -> RowOutcome:
        """Make what a sheet says of the days on which the system has nothing."""
        assignment = month.assignment
        rule = await work.get_rule(
            PRESENCE_RULES, region=get_district(assignment.region), on=self.table.first
        )
        possible = self._list_possible_ids(assignment.person)
        days = {day for id_, span in known.items() if id_ not in possible for day in list_days(*span)}
        if stored := possible.keys() & known.keys():
            ours = [possible[id_] for id_ in stored]
            return RowOutcome(min(stored), already=True, differs=_list_differences(ours, month, days))
        wanted = list(month.list_halves(splits_days=rule.value.sign_ins > 1))
        new = [half for half in wanted if half[0] not in days]
        if len(new) < len(wanted):
            kept = sorted({on.day for on, _, _ in wanted if on in days})
            row.notes.append(f"{'、'.join(map(str, kept))}日系统中已有记录, 以系统的为准")
        if not new:
            return RowOutcome(already=True)
        await self._create(work, assignment, new, rule.ref)
        return RowOutcome(build_record_id(assignment.person, *new[0]))

    def _list_possible_ids(self, person: str) -> dict[UUID, tuple[date, DayPart, Sign]]:
        """Every record that a sheet of this month can have made."""
        return {
            build_record_id(person, on, part, sign): (on, part, sign)
            for on in list_days(self.table.first, self.table.last)
            for part in DayPart
            for sign in (Sign.PRESENT, Sign.ERRAND, *LEAVE_KINDS)
        }

    async def _create(
        self,
        work: UnitOfWork,
        assignment: Assignment,
        halves: Sequence[tuple[date, DayPart, Sign]],
        rule_ref: str,
    ) -> None:
        rows = []
        for half in halves:
            if half[2] is Sign.PRESENT:
                rows.append((_build_check_in(work, assignment, half, rule_ref), work.actor))
                continue
            record = _build_request(work, assignment, half, rule_ref)
            event = RequestMoved(
                kind="leave" if isinstance(record, Leave) else "errand",
                person=record.person,
                was="",
                now=record.state,
                starts_on=record.starts_on,
                ends_on=record.ends_on,
            )
            await insert_record(work, record, event)
        await check_ins.system_insert_check_ins(work.session, rows)
        text = (
            f"{work.actor.name}补录了{self.table.first:%Y-%m}的纸质考勤表, 有异议的可在本人月表对具体日期提出"
        )
        await send_message(work, assignment.person, MessageKind.CORRECTION, assignment, text)


def _list_differences(
    ours: Sequence[tuple[date, DayPart, Sign]], month: PersonMonth, days: set[date]
) -> list[dict[str, str]]:
    """The days of a sheet that was taken before which say something else now, but for those of other records."""
    stored, stated = (
        {
            (on, half): sign.label
            for on, part, sign in halves
            for half in (BOTH if part is DayPart.DAY else (part,))
        }
        for halves in (ours, month.list_halves())
    )
    return [
        {
            "column": f"{on.day}日{half.label}",
            "library": stored.get((on, half), "无"),
            "table": stated.get((on, half), "无"),
        }
        for on, half in sorted({*stored, *stated})
        if on not in days and stored.get((on, half)) != stated.get((on, half))
    ]


def _build_base(work: UnitOfWork, assignment: Assignment, half: tuple[date, DayPart, Sign]) -> dict[str, Any]:
    return {
        "id": build_record_id(assignment.person, *half),
        "region": assignment.region,
        "created_at": work.at,
        "created_by": work.actor.id,
        "updated_at": work.at,
        "person": assignment.person,
    }


def _build_check_in(
    work: UnitOfWork, assignment: Assignment, half: tuple[date, DayPart, Sign], rule_ref: str
) -> dict[str, Any]:
    """A check-in entered by the office at noon, or at six in the evening for the second half."""
    on, part, _ = half
    is_evening = part is DayPart.EVENING
    at = datetime.combine(on, EVENING if is_evening else NOON, CHINA_TIME_ZONE).astimezone(UTC)
    empty = dict.fromkeys(
        ("fixed_at", "lon", "lat", "accuracy_m", "mock", "verdict", "distance_m", "margin_m")
    )
    return empty | {
        **_build_base(work, assignment, half),
        "version": 1,
        "created_digest": "",
        "sent_by": work.actor.id,
        "kind": Kind.OFF_DUTY if is_evening else Kind.ON_DUTY,
        "source": CheckInSource.BOSS,
        "work_date": on,
        "taken_at": at,
        "received_at": work.at,
        "post_id": assignment.post_id,
        "fix": {},
        "coarse": False,
        "device": "",
        "flags": [],
        "result": Result.APPLIED,
        "rule_version": rule_ref,
        "remark": REMARK,
        "photo": "",
    }


def _build_request(
    work: UnitOfWork, assignment: Assignment, half: tuple[date, DayPart, Sign], rule_ref: str
) -> Leave | Errand:
    """A leave or an errand that is over, as the sheet shows it granted."""
    on, part, sign = half
    columns = {
        **_build_base(work, assignment, half),
        "person_name": assignment.person_name,
        "starts_on": on,
        "ends_on": on,
        "why": f"{REMARK}: {sign.label}",
        "state_since": work.at,
    }
    if sign is Sign.ERRAND:
        return Errand(
            **columns,
            kind=ErrandKind.MEETING,
            place="表中未写",
            reported_at=work.at,
            state=ErrandState.RETURNED,
            acknowledged_by=work.actor.id,
            returned_on=on,
        )
    return Leave(
        **columns,
        kind=LEAVE_KINDS[sign],
        part=part,
        halves=len(BOTH) if part is DayPart.DAY else 1,
        chain=[],
        turn=Approver.TOWN,
        rule_ref=rule_ref,
        state=LeaveState.RETURNED,
        endorsed_by=work.actor.id,
        returned_on=on + timedelta(days=1),
    )


MONTH_SIGN_TABLE = ImportKind(
    name="month_signs",
    label="纸质月度考勤表",
    mays=(May.PRESENCE_IMPORT,),
    columns=SIGN_COLUMNS,
    heads=MONTH_SIGN_HEADS,
    open=open_signs,
    query=MonthImportQuery,
    identity=("name",),
    batch_rows=50,
)
