"""Attendance is proved: check-ins by their events, days, sheets, leave and visits by their digests; coarse positions are no difference."""

import httpx
import sqlalchemy as sa

from services.attendance.days.consumers import coarsen_locations
from services.attendance.fsck import FSCK
from shared.events.fsck import check_service, check_session
from tests.attendance.conftest import attendance, town
from tests.attendance.factories_attendance import post_json
from tests.attendance.test_months import advance_to_june, create_month
from tests.clients import VILLAGE, ServiceUnderTest
from tests.conftest import Clock
from tests.trust.tampering import tampered

__all__ = ["attendance", "town"]

TAMPERINGS = {
    "UPDATE check_in SET result = 'held'": ("check_in", "result: 日志里是 'applied', 表里是 'held'"),
    "UPDATE check_in SET person = 'wang'": ("check_in", "person"),
    "UPDATE check_in SET taken_at = '2024-05-20 00:00:00'": ("check_in", "taken_at"),
    "UPDATE check_in SET region = '620602100202'": ("check_in", "region"),
    "UPDATE check_in SET id = '00000000-0000-7000-8000-000000000001' WHERE work_date = '2024-05-20'": (
        "check_in",
        "没有来历",
    ),
    "DELETE FROM check_in WHERE work_date = '2024-05-20'": ("check_in", "被删除"),
    "UPDATE attendance_day SET halves = halves + 1": ("attendance_day", "摘要不同"),
    "UPDATE attendance_day SET frozen = NOT frozen": ("attendance_day", "摘要不同"),
    "DELETE FROM attendance_day WHERE work_date = '2024-05-20'": ("attendance_day", "被删除"),
    "UPDATE month_sheet SET signed_by = 'nobody'": ("month_sheet", "摘要不同"),
    "UPDATE leave_request SET ends_on = '2024-05-30'": ("leave_request", "摘要不同"),
    "UPDATE visit SET purpose = 'policy'": ("visit", "摘要不同"),
}


async def test_what_was_tampered_with_in_attendance_is_named(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    visit = {"visited_on": "2024-05-20", "kind": "household", "purpose": "care", "household": "王五"}
    await create_month(attendance, town, clock)
    await post_json(attendance.client_as("cadre", person="li"), "/attendance/visits", visit)
    await advance_to_june(attendance, clock)
    await post_json(town, "/attendance/months/sign", {"region": VILLAGE, "month": "2024-05"}, 200)
    database = attendance.context.database
    assert (await check_service("attendance", database, FSCK)).differences == []
    unseen = []
    for statement, (table, word) in TAMPERINGS.items():
        async with tampered(database, sa.text(statement)) as session:
            report = await check_session(session, "attendance", FSCK)
        if not any(one.table == table and word in one.words for one in report.differences):
            unseen.append((statement, [one.words for one in report.differences]))
    assert unseen == []
    clock.set(clock.now().replace(year=2025))
    assert await coarsen_locations(attendance.context) > 0
    assert (await check_service("attendance", database, FSCK)).differences == []
