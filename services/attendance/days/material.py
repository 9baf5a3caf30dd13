"""The rows that some persons' days are made of, read with a fixed number of statements."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from services.attendance.complaints.models import Complaint
from services.attendance.days import repository
from services.attendance.days.repository import Pair
from services.attendance.devices.binding import Phone
from services.attendance.duties.models import Duty
from services.attendance.errands.models import Errand
from services.attendance.leaves.models import Leave
from services.attendance.make_ups.models import MakeUp
from services.attendance.policy import Evidence, Limits, PresenceRules, Switches, calendar, ruled
from services.attendance.reviews import repository as evidence
from services.attendance.reviews.models import Review
from services.attendance.reviews.repository import Bounds
from services.attendance.spot_checks.models import Drawn
from services.attendance.teams.models import Member
from shared.rules import Rule
from shared.work import Work
from shared.workdays import Day, day

DISTRICT = 6
"""Digits of a region's code that name its district, which sets the rules."""
MOST_USERS = 5_000
"""Check-ins with shared phones that are looked at for some days together; more say nothing new."""
Row = Any
"""Columns of one row, as a query in repository.py names them."""


@dataclass(frozen=True)
class Policy:
    """The dated rules of one district on one day."""

    rules: PresenceRules
    switches: Switches
    limits: Limits
    evidence: Evidence
    day: Day
    used: tuple[Rule, ...]
    refs: tuple[str, ...]


@dataclass
class Material:
    """Rows by person and day, and by person."""

    postings: dict[str, list[Row]]
    policies: dict[tuple[str, date], Policy] = field(default_factory=dict)
    taps: dict[Pair, list[Row]] = field(default_factory=dict)
    before: dict[Pair, Row] = field(default_factory=dict)
    history: dict[str, list[Row]] = field(default_factory=dict)
    """Check-ins of some days before, of those persons only for whom they can tell more than `before`."""
    users: dict[str, list[tuple[str, datetime]]] = field(default_factory=dict)
    phones: dict[str, dict[str, Phone]] = field(default_factory=dict)
    """Person → phone → how it stands."""
    leaves: dict[str, list[Leave]] = field(default_factory=dict)
    errands: dict[str, list[Errand]] = field(default_factory=dict)
    members: dict[str, list[Member]] = field(default_factory=dict)
    make_ups: dict[Pair, list[MakeUp]] = field(default_factory=dict)
    duties: dict[Pair, list[Duty]] = field(default_factory=dict)
    drawn: dict[Pair, list[Drawn]] = field(default_factory=dict)
    reviews: dict[Pair, Review] = field(default_factory=dict)
    objections: dict[Pair, list[Complaint]] = field(default_factory=dict)
    days: dict[Pair, Row] = field(default_factory=dict)

    def posting(self, person: str, on: date) -> Row | None:
        """Where the person was stationed first on a day; None where nowhere."""
        return next((one for one in self.postings.get(person, ()) if _holds(one, on)), None)

    def policy(self, region: str, on: date) -> Policy:
        """The rules of a region's district on a day."""
        return self.policies[region[:DISTRICT], on]


async def gather(work: Work, pairs: Sequence[Pair]) -> Material:
    """Everything about these days of these persons, and their check-ins before as far as they can be odd together."""
    session, persons = work.session, list(dict.fromkeys(person for person, _ in pairs))
    first, last = min(on for _, on in pairs), max(on for _, on in pairs)
    found = Material(_by_person(await repository.system_postings(session, persons, first, last)))
    await _policies(work, pairs, found)
    if not found.policies:
        return found
    bounds = _bounds(found)
    days = repository.system_sought(session, pairs, bounds.look_back_days)
    found.taps = _by_day(await evidence.system_taps(session, days))
    found.days = {(one.person, one.work_date): one for one in await repository.system_days(session, days)}
    reviews = await repository.system_dated(session, Review, days, lock=True)
    found.reviews = {(one.person, one.work_date): one for one in reviews}
    found.make_ups = _by_day(await repository.system_dated(session, MakeUp, days, "starts_on"), "starts_on")
    found.duties = _by_day(await repository.system_dated(session, Duty, days))
    found.drawn = _by_day(await repository.system_dated(session, Drawn, days))
    found.objections = _by_day(await repository.system_dated(session, Complaint, days))
    found.leaves = _by_person(await repository.system_lasting(session, Leave, persons, first, last))
    found.errands = _by_person(await repository.system_lasting(session, Errand, persons, first, last))
    found.members = _by_person(await repository.system_lasting(session, Member, persons, first, last))
    if found.taps:
        await _evidence(work, days, found, bounds, (first, last))
    return found


async def _policies(work: Work, pairs: Sequence[Pair], found: Material) -> None:
    """The rules of every district and day, each looked up once."""
    for person, on in pairs:
        held = found.posting(person, on)
        if held is not None and (held.region[:DISTRICT], on) not in found.policies:
            found.policies[held.region[:DISTRICT], on] = await policy(work, held.region, on)


def _bounds(found: Material) -> Bounds:
    rules = [one.evidence for one in found.policies.values()]
    return Bounds(
        look_back_days=max(one.look_back_days for one in rules),
        same_place_days=min(one.same_place_days for one in rules),
        same_second_days=min(one.same_second_days for one in rules),
        precise_m=max(one.precise_m for one in rules),
        precise_days=min(one.precise_days for one in rules),
    )


async def _evidence(
    work: Work,
    days: Row,
    found: Material,
    bounds: Bounds,
    span: tuple[date, date],
) -> None:
    """What the check-ins are compared with: those before them, and others' with the same phones."""
    session = work.session
    found.before = {(one.person, one.for_day): one for one in await evidence.system_before(session, days)}
    if suspects := await evidence.system_suspects(session, days, bounds):
        since = span[0] - timedelta(days=bounds.look_back_days)
        found.history = _by_person(await evidence.system_history(session, suspects, since, span[1]))
    persons = {person for person, _ in found.taps}
    for one in await repository.system_phones(session, persons):
        found.phones.setdefault(one.person, {})[one.device] = Phone(one.state, one.state_since)
    taps = [tap for rows in found.taps.values() for tap in rows if tap.device]
    if not taps:
        return
    around = timedelta(hours=max(one.evidence.device_hours for one in found.policies.values()))
    low, high = min(tap.taken_at for tap in taps) - around, max(tap.taken_at for tap in taps) + around
    users = await evidence.system_users(session, {tap.device for tap in taps}, low, high, MOST_USERS)
    for device, person, at in users:
        found.users.setdefault(device, []).append((person, at))


def _by_person(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.person].append(row)
    return found


def _by_day(rows: Sequence[Any], column: str = "work_date") -> dict[Pair, list[Any]]:
    found: dict[Pair, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.person, getattr(row, column)].append(row)
    return found


def _holds(posting: Row, on: date) -> bool:
    if posting.starts_on > on or (posting.ends_on is not None and on > posting.ends_on):
        return False
    return posting.closed_on is None or on <= posting.closed_on


async def policy(work: Work, region: str, on: date) -> Policy:
    """The rules of a region's district on a day."""
    district = region[:DISTRICT].ljust(12, "0")
    rules, rule = await ruled(work, "presence.rules", PresenceRules, district, on=on)
    switches, switch = await ruled(work, "check_in.switches", Switches, district, on=on)
    limits, _ = await ruled(work, "check_in.limits", Limits, district, on=on)
    evidence, odd = await ruled(work, "presence.evidence", Evidence, district, on=on)
    used = (rule, switch, odd)
    what = day(on, changes=await calendar(work, district))
    return Policy(rules, switches, limits, evidence, what, used, tuple(one.ref for one in used))
