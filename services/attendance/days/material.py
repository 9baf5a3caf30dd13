"""The rows that some persons' days are made of, read with a fixed number of statements."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from services.attendance.check_ins.models import CheckIn
from services.attendance.complaints.models import Complaint
from services.attendance.days import repository
from services.attendance.days.models import AttendanceDay
from services.attendance.devices.models import Device
from services.attendance.duties.models import Duty
from services.attendance.errands.models import Errand
from services.attendance.leaves.models import Leave
from services.attendance.make_ups.models import MakeUp
from services.attendance.policy import Evidence, Limits, PresenceRules, Switches, calendar, ruled
from services.attendance.posts.models import Assignment, Post
from services.attendance.reviews.models import Review
from services.attendance.spot_checks.models import Drawn
from services.attendance.teams.models import Member
from shared.rules import Rule
from shared.work import Work
from shared.workdays import Changes

DISTRICT = 6
"""Digits of a region's code that name its district, which sets the rules."""


@dataclass
class Material:
    """Rows by person."""

    postings: dict[str, list[tuple[Assignment, Post]]]
    taps: dict[str, list[CheckIn]]
    leaves: dict[str, list[Leave]]
    errands: dict[str, list[Errand]]
    make_ups: dict[str, list[MakeUp]]
    duties: dict[str, list[Duty]]
    drawn: dict[str, list[Drawn]]
    reviews: dict[str, list[Review]]
    days: dict[str, list[AttendanceDay]]
    members: dict[str, list[Member]]
    devices: dict[str, list[Device]]
    objections: dict[str, list[Complaint]]
    users: dict[str, list[tuple[str, datetime]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Policy:
    """The dated rules of one district on one day."""

    rules: PresenceRules
    switches: Switches
    limits: Limits
    evidence: Evidence
    changes: Changes
    used: tuple[Rule, ...]


async def gather(work: Work, persons: Sequence[str], first: date, last: date, look_back: int) -> Material:
    """Everything about these persons and days, and their check-ins some days before for comparison."""
    session, long_ago = work.session, first - timedelta(days=look_back)

    async def dated(table: type, start: date = first, column: str = "work_date") -> dict[str, list]:  # type: ignore[type-arg]
        return _by_person(await repository.system_dated(session, table, persons, start, last, column))

    async def lasting(table: type) -> dict[str, list]:  # type: ignore[type-arg]
        return _by_person(await repository.system_lasting(session, table, persons, first, last))

    postings: dict[str, list[tuple[Assignment, Post]]] = defaultdict(list)
    for assignment, post in await repository.system_postings(session, persons, first, last):
        postings[assignment.person].append((assignment, post))
    found = Material(
        postings=postings,
        taps=await dated(CheckIn, long_ago),
        leaves=await lasting(Leave),
        errands=await lasting(Errand),
        make_ups=await dated(MakeUp, column="starts_on"),
        duties=await dated(Duty),
        drawn=await dated(Drawn),
        reviews=await dated(Review),
        days=await dated(AttendanceDay),
        members=await lasting(Member),
        objections=await dated(Complaint),
        devices=_by_person(await repository.system_of(session, Device, persons)),
    )
    found.users = await _users(work, found, first)
    return found


def _by_person(rows: Sequence) -> dict[str, list]:  # type: ignore[type-arg]
    found: dict[str, list] = defaultdict(list)  # type: ignore[type-arg]
    for row in rows:
        found[row.person].append(row)
    return found


async def _users(work: Work, found: Material, first: date) -> dict[str, list[tuple[str, datetime]]]:
    """Who else used the phones of these days, a week around."""
    taps = [tap for rows in found.taps.values() for tap in rows if tap.device and tap.work_date >= first]
    if not taps:
        return {}
    week = timedelta(days=7)
    span = min(tap.taken_at for tap in taps) - week, max(tap.taken_at for tap in taps) + week
    users: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
    for device, person, at in await repository.system_users(
        work.session, {tap.device for tap in taps}, *span
    ):
        users[device].append((person, at))
    return users


async def policy(work: Work, region: str, on: date) -> Policy:
    """The rules of a region's district on a day."""
    district = region[:DISTRICT].ljust(12, "0")
    rules, rule = await ruled(work, "presence.rules", PresenceRules, district, on=on)
    switches, switch = await ruled(work, "check_in.switches", Switches, district, on=on)
    limits, _ = await ruled(work, "check_in.limits", Limits, district, on=on)
    evidence, odd = await ruled(work, "presence.evidence", Evidence, district, on=on)
    return Policy(rules, switches, limits, evidence, await calendar(work, district), (rule, switch, odd))
