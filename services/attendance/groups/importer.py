"""Members of attendance groups from DingTalk's exports (月度汇总, 人员名单): each person with their 考勤组."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pydantic import Field

from services.attendance.fields import Day
from services.attendance.groups import repository, service
from services.attendance.groups.schemas import (
    GroupCreate,
    GroupMemberCreate,
    GroupTerms,
)
from services.attendance.imports import repository as accounts
from services.attendance.imports.schemas import Channel
from services.attendance.policy import GROUP_HEADS
from shared.auth import May
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.imports.rows import take_each_row
from shared.imports.schemas import ImportQuery
from shared.spreadsheets import DAY, TEXT, Column, Sheet, SheetLimits, SheetRow
from shared.unit_of_work import UnitOfWork

ONE_DAY = timedelta(days=1)
GROUP_COLUMNS = (
    Column("name", "姓名", TEXT, required=True),
    Column("group", "考勤组", TEXT, required=True),
    Column("user_id", "UserId", TEXT, holds_number=True),
    Column("job_no", "工号", TEXT, holds_number=True),
    Column("starts_on", "加入日期", DAY, note="空为导入时写明的日期"),
)


class GroupQuery(ImportQuery):
    """导入考勤组成员."""

    since: Day = Field(description="没有写加入日期的人从哪天起; 新的考勤组也从这天起, 办法按县(区)规则")


def keep_first_sheet(sheet: Sheet) -> None:
    """Leave out the sheets that name the same persons once more, and the further rows of a person."""
    for part in [part for part in sheet.parts if part.is_read][1:]:
        part.reason, part.rows = "与前面的表是同样的人, 不重复读取", 0
    rows = {
        (row.values.get("user_id") or row.values.get("job_no") or row.number): row
        for row in reversed(sheet.rows)
        if row.sheet == sheet.first.name
    }
    sheet.rows[:] = reversed(rows.values())
    sheet.heads[:] = [head for head in sheet.heads if head.sheet == sheet.first.name]


async def open_groups(_work: UnitOfWork, upload: TableUpload) -> "GroupRun":
    """Flag the rows that do not say who."""
    for row in upload.sheet.rows:
        if row.is_valid and not (row.values.get("user_id") or row.values.get("job_no")):
            row.add_error("user_id", "没有 UserId 也没有工号, 分不清是谁")
    return GroupRun(upload.query)


@dataclass
class GroupRun(RowRun):
    """One list being imported."""

    query: GroupQuery

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Put each person into the group of the row, out of the one before; groups that are not there are created."""
        keys = [_get_external(row) for row in rows if row.is_valid]
        known = await accounts.find_accounts(work, Channel.DINGTALK, keys)

        async def take(row: SheetRow) -> RowOutcome:
            external = _get_external(row)
            if external not in known:
                row.add_error("user_id", f"账号 {external} 还没有对应到人员, 登记后再导入")
                return RowOutcome()
            return await self._join(work, row, known[external].person)

        return await take_each_row(work, rows, take)

    async def _join(self, work: UnitOfWork, row: SheetRow, person: str) -> RowOutcome:
        since: date = row.values.get("starts_on") or self.query.since
        name = row.values["group"]
        group = await repository.find_group_by_name(work, self.query.region, name)
        if group is None:
            terms = GroupTerms(since=since)
            group = await service.create_group(
                work, GroupCreate(name=name, region=self.query.region, terms=terms)
            )
        for member, _ in await repository.list_memberships(work, person, since, date.max):
            if member.group_id == group.id:
                return RowOutcome(member.id, already=True)
            if member.starts_on < since:
                await service.end_membership(work, member, since - ONE_DAY, f"转入考勤组“{name}”")
        body = GroupMemberCreate(person=person, person_name=row.values["name"], starts_on=since)
        return RowOutcome((await service.create_member(work, group.id, body)).id)


def _get_external(row: SheetRow) -> str:
    return str(row.values.get("user_id") or row.values["job_no"])


GROUP_TABLE = ImportKind(
    name="groups",
    label="考勤组成员",
    mays=(May.POST_MANAGE,),
    columns=GROUP_COLUMNS,
    heads=GROUP_HEADS,
    open=open_groups,
    query=GroupQuery,
    prepare=keep_first_sheet,
    identity=("user_id", "job_no"),
    limits=SheetLimits(rows=20_000),
)
