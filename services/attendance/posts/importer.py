"""The persons that a table of the presence of a month names: those stationed in its village in that month."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from services.attendance.posts import repository
from services.attendance.posts.models import Assignment
from shared.auth import May
from shared.china import PlaceNames, month_bounds
from shared.errors import FieldError, Invalid
from shared.imports.models import TableUpload
from shared.records.region_names import find_place_names
from shared.spreadsheets import Sheet, SheetRow
from shared.unit_of_work import UnitOfWork

MAX_TITLE_ROWS = 6
_MONTH = re.compile(r"(20\d\d)\s*年\s*(1[0-2]|0?[1-9])\s*月")


@dataclass(frozen=True)
class MonthTable:
    """A table of one month: its bounds, the places, and the persons stationed in that month by name.

    A `town` that the title names (黄羊镇驻村干部考勤表) is meant by villages that stand without a town.
    """

    first: date
    last: date
    names: PlaceNames
    town: str
    persons: dict[str, list[Assignment]] = field(default_factory=dict)

    def find_assignment(self, work: UnitOfWork, row: SheetRow) -> Assignment | None:
        """The assignment of a row's person, by `village` and `name`; None with an error told at the cell."""
        village, name = str(row.values.get("village") or ""), "".join(str(row.values["name"]).split())
        answer = self.names.resolve(self.town, village) if village else None
        if answer is not None and (answer.question or not answer.codes):
            row.add_error("village", answer.question or f"没有“{village}”这个村")
            return None
        namesakes = self.persons.get(name, [])
        found = [
            one
            for one in namesakes
            if answer is None or self.names.merged.get(one.region, one.region) in answer.codes
        ]
        if len({one.person for one in found}) != 1:
            row.add_error("name", self._describe_missing(name, village, namesakes, is_many=bool(found)))
            return None
        if work.actor.is_same_person(found[0].person):
            row.add_error("name", "不能导入本人的考勤")
            return None
        return found[0]

    def _describe_missing(
        self, name: str, village: str, namesakes: list[Assignment], *, is_many: bool
    ) -> str:
        if is_many:
            return f"{village}有几个“{name}”派驻, 分不清是谁"
        places = "、".join(dict.fromkeys(self.names.describe(one.region) for one in namesakes[:5]))
        elsewhere = f"; 同名的派驻在{places}" if places else "; 请先登记派驻"
        return f"{self.first.month}月没有“{name}”派驻{village}{elsewhere}"


async def open_month_table(work: UnitOfWork, upload: TableUpload, month: str) -> MonthTable:
    """The month of a table as stated or as its title says, with the persons stationed in it. Invalid without a month."""
    titles = list(_list_titles(upload.sheet))
    found = next((match for title in titles if (match := _MONTH.search(title))), None)
    month = month or (f"{found[1]}-{int(found[2]):02}" if found else "")
    if not month:
        detail = "表上没有写年月, 请用 month 指明, 如 2023-05"
        raise Invalid(detail, "No month", errors=[FieldError("required", detail, pointer="/month")])
    first, last = month_bounds(month)
    if first > work.today:
        detail = "月份还没有到"
        raise Invalid(detail, "In the future", errors=[FieldError("in_the_future", detail, pointer="/month")])
    names = await find_place_names(work, upload.query.region, fresh=True)
    towns = (names.find_town(re.split(r"驻村|考勤|\d{4}年", title)[0]) for title in titles)
    table = MonthTable(first, last, names, next((town for town in towns if town), ""))
    for assignment in await repository.list_stationed(
        work, upload.query.region, first, last, May.PRESENCE_IMPORT
    ):
        table.persons.setdefault("".join(assignment.person_name.split()), []).append(assignment)
    return table


def _list_titles(sheet: Sheet) -> Iterable[str]:
    """The words above the headers, and the names of the sheets."""
    read = {part.name: part for part in sheet.parts if part.is_read}
    for table in sheet.tables:
        if table.name in read:
            cells = chain.from_iterable(table.grid[: min(read[table.name].header_row, MAX_TITLE_ROWS)])
            yield from (cell for cell in cells if isinstance(cell, str) and cell.strip())
            yield table.name
