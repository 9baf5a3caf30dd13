"""Reckoning days: facts are gathered, the rules make the result, oddities open a review, all in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from services.attendance.check_ins.schemas import Flag, Result, Source
from services.attendance.days.facts import facts_of
from services.attendance.days.kinds import DayResult
from services.attendance.days.material import Material, Policy, gather, policy
from services.attendance.days.models import AttendanceDay
from services.attendance.days.reckoning import Outcome, reckon
from services.attendance.devices.binding import bind, trusted
from services.attendance.posts.models import Assignment, Post
from services.attendance.reviews.evidence import Odd, Trace, oddities
from services.attendance.reviews.kinds import Oddity
from services.attendance.reviews.opening import keep
from services.attendance.teams.models import Member
from shared.contracts.attendance import DaySettled
from shared.ids import new_id
from shared.work import CHINA, Work
from shared.workdays import is_workday

PERSONS = 50
"""Persons whose days are reckoned together."""
LOOK_BACK = 60
"""Most days before a day that its evidence is compared with."""


async def reckon_days(work: Work, wanted: Mapping[str, Iterable[date]]) -> int:
    """Reckon these days of these persons anew; how many. Days on which nobody is stationed have no result."""
    done, names = 0, sorted(wanted)
    for start in range(0, len(names), PERSONS):
        some = {name: sorted(set(wanted[name])) for name in names[start : start + PERSONS]}
        days = [on for dates in some.values() for on in dates]
        if days:
            found = await gather(work, list(some), min(days), max(days), LOOK_BACK)
            for person, dates in some.items():
                done += await _person(work, person, dates, found)
            await work.session.flush()
    return done


async def _person(work: Work, person: str, dates: Sequence[date], found: Material) -> int:
    done = 0
    for on in dates:
        held = [one for one in found.postings.get(person, ()) if _holds(*one, on)]
        if held:
            ruled = await policy(work, held[0][0].region, on)
            await _one(work, held[0][0], on, found, ruled)
            done += 1
    return done


def _holds(assignment: Assignment, post: Post, on: date) -> bool:
    last = min(filter(None, (assignment.ends_on, post.closed_on)), default=None)
    return assignment.starts_on <= on and (last is None or on <= last)


async def _one(work: Work, assignment: Assignment, on: date, found: Material, ruled: Policy) -> None:
    person = assignment.person
    await bind(work, assignment, on, found.taps.get(person, ()), found.devices)
    outcome = reckon(facts_of(person, on, work.today, found, ruled))
    odd = [*_odd(person, on, found, ruled), *_unsettled(person, on, found, outcome)]
    changed = await keep(work, assignment, on, odd, found.reviews, ruled.used[-1].ref)
    if changed:
        outcome = reckon(facts_of(person, on, work.today, found, ruled))
    await _write(work, assignment, on, found, ruled, outcome)


def _odd(person: str, on: date, found: Material, ruled: Policy) -> list[Odd]:
    known = {one.device: one for one in found.devices.get(person, ())}
    traces = [
        Trace(
            id=tap.id,
            on=tap.work_date,
            at=tap.taken_at.astimezone(CHINA),
            place=(tap.lon, tap.lat) if tap.lon is not None and tap.lat is not None and tap.fix else None,
            accuracy_m=tap.accuracy_m,
            device=tap.device,
            mock=bool(tap.mock),
            clock_off="clock" in tap.flags,
        )
        for tap in found.taps.get(person, ())
        if tap.source is not Source.BOSS and tap.work_date <= on
    ]
    others = {
        device: [(who, at.astimezone(CHINA)) for who, at in users if who != person]
        for device, users in found.users.items()
    }
    strange = [
        one.id
        for one in traces
        if one.on == on and one.device in known and not trusted(known[one.device], one.at)
    ]
    new = [Odd(Oddity.NEW_DEVICE, Oddity.NEW_DEVICE.label, tuple(strange))] if strange else []
    return [*oddities(on, traces, others, ruled.evidence), *new]


def _unsettled(person: str, on: date, found: Material, outcome: Outcome) -> list[Odd]:
    """Held check-ins are asked about only where nothing else settles the day."""
    if not outcome.result.asks:
        return []
    held = [one for one in found.taps.get(person, ()) if one.work_date == on and one.result is Result.HELD]
    flags = sorted({flag for one in held for flag in one.flags})
    words = "、".join(Flag(flag).label for flag in flags) or "在围栏边界附近"
    return [Odd(Oddity.UNSETTLED, f"{Oddity.UNSETTLED.label}: {words}", tuple(one.id for one in held))]


async def _write(
    work: Work, assignment: Assignment, on: date, found: Material, ruled: Policy, outcome: Outcome
) -> None:
    row = next((one for one in found.days.get(assignment.person, ()) if one.work_date == on), None)
    if row is not None and row.frozen:
        _note(work, row, outcome)
        return
    values = _values(assignment, on, found, ruled, outcome)
    if row is None:
        row, settled = _fresh(work, assignment, on), not outcome.provisional
        found.days.setdefault(assignment.person, []).append(row)
    else:
        settled = row.provisional and not outcome.provisional
        if all(getattr(row, name) == value for name, value in values.items()):
            return
    for name, value in values.items():
        setattr(row, name, value)
    row.version, row.updated_at = row.version + 1, work.at
    work.session.add(row)
    if settled:
        told = DaySettled(person=row.person, work_date=on, result=row.result, halves=row.halves)
        await work.tell(told, row)


def _values(
    assignment: Assignment, on: date, found: Material, ruled: Policy, outcome: Outcome
) -> dict[str, Any]:
    members = found.members.get(assignment.person, ())
    return {
        "region": assignment.region,
        "person_name": assignment.person_name,
        "post_id": assignment.post_id,
        "team_id": next((one.team_id for one in members if _serves(one, on)), None),
        "result": outcome.result,
        "halves": outcome.halves,
        "leave_halves": outcome.leave_halves,
        "works": is_workday(on, changes=ruled.changes),
        "provisional": outcome.provisional,
        "words": outcome.words,
        "rule_refs": [rule.ref for rule in ruled.used],
        "after_signature": {},
    }


def _fresh(work: Work, assignment: Assignment, on: date) -> AttendanceDay:
    return AttendanceDay(
        id=new_id(),
        region=assignment.region,
        version=0,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        person=assignment.person,
        work_date=on,
        month=f"{on:%Y-%m}",
        result=DayResult.PENDING,
    )


def _serves(member: Member, on: date) -> bool:
    return member.starts_on <= on and (member.ends_on is None or on <= member.ends_on)


def _note(work: Work, row: AttendanceDay, outcome: Outcome) -> None:
    """What came after the signature is shown, and changes nothing until the sheet is opened again."""
    same = (outcome.result, outcome.halves, outcome.leave_halves) == (
        row.result,
        row.halves,
        row.leave_halves,
    )
    noted = {} if same else {"result": outcome.result, "halves": outcome.halves, "words": outcome.words}
    if row.after_signature != noted:
        row.after_signature, row.version, row.updated_at = noted, row.version + 1, work.at
        work.session.add(row)
