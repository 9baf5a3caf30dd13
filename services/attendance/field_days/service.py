"""Collect what a phone must know before it goes out of signal."""

from datetime import date, timedelta

from services.attendance.field_days.schemas import (
    CalendarDayRead,
    FieldDaysRead,
    FieldGroupRead,
    FieldPostRead,
    FieldRulesRead,
)
from services.attendance.groups.repository import list_memberships
from services.attendance.policy import CHECK_IN_LIMITS, CHECK_IN_SWITCHES, load_calendar
from services.attendance.posts.repository import list_person_assignments
from shared.china.workdays import DayKind, get_day, is_provisional
from shared.unit_of_work import UnitOfWork

DAYS_AHEAD = 7
ONE_DAY = timedelta(days=1)


async def describe_field_days(work: UnitOfWork) -> FieldDaysRead:
    """The caller's posts and the rules of today and the next `DAYS_AHEAD` days, and the holidays of the year."""
    last = work.today + timedelta(days=DAYS_AHEAD)
    rows = await list_person_assignments(work, work.actor.id, work.today, last)
    region = work.home_region
    year = (date(work.today.year, 1, 1), date(work.today.year, 12, 31))
    return FieldDaysRead(
        posts=[
            FieldPostRead(
                id=post.id,
                name=post.name,
                region=post.region,
                fences=post.fences,
                starts_on=assignment.starts_on,
                ends_on=assignment.ends_on,
            )
            for assignment, post in rows
        ],
        groups=[
            FieldGroupRead(
                id=group.id,
                name=group.name,
                starts_on=member.starts_on,
                ends_on=member.ends_on,
                terms=group.terms,
            )
            for member, group in await list_memberships(work, work.actor.id, work.today, last)
        ],
        rules=await _list_rules(work, region, last),
        calendar=await _list_calendar(work, region, *year),
        provisional=is_provisional(*year, changes=await load_calendar(work, region)),
    )


async def _list_rules(work: UnitOfWork, region: str, last: date) -> list[FieldRulesRead]:
    found: list[FieldRulesRead] = []
    on = work.today
    while on <= last:
        switches = (await work.get_rule(CHECK_IN_SWITCHES, on=on, region=region)).value
        limits = (await work.get_rule(CHECK_IN_LIMITS, on=on, region=region)).value
        if not found or (found[-1].switches, found[-1].limits) != (switches, limits):
            found.append(FieldRulesRead(since=on, switches=switches, limits=limits))
        on += ONE_DAY
    return found


async def _list_calendar(work: UnitOfWork, region: str, first: date, last: date) -> list[CalendarDayRead]:
    changes = await load_calendar(work, region)
    days = [get_day(first + timedelta(days=nth), changes=changes) for nth in range((last - first).days + 1)]
    return [
        CalendarDayRead(on=day.on, kind=day.kind, name=day.name)
        for day in days
        if day.kind in {DayKind.HOLIDAY, DayKind.MADE_UP}
    ]
