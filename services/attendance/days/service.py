"""Reckoning days: facts are gathered, the rules make the result, oddities open a review, all in one transaction.

Set by set: a fixed number of statements for some hundred persons and days, and what did not change is not written.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.attendance.check_ins.schemas import Flag, Result, Source
from services.attendance.days import repository
from services.attendance.days.facts import facts_of
from services.attendance.days.material import Material, Policy, Row, gather
from services.attendance.days.models import AttendanceDay
from services.attendance.days.reckoning import Outcome, reckon
from services.attendance.days.repository import Pair
from services.attendance.devices import binding
from services.attendance.reviews.evidence import Odd, Trace, oddities
from services.attendance.reviews.kinds import Oddity
from services.attendance.reviews.opening import keep
from services.attendance.rows import columns
from shared import bulk
from shared.contracts.attendance import DaySettled
from shared.ids import new_id
from shared.log import Told
from shared.work import CHINA, Work

SOME = 400
"""Days that are reckoned together."""
BREATH = 5
"""Days after which whoever taps now goes first."""
TABLE = columns(AttendanceDay).id.table


@dataclass
class _Results:
    """What a set of days comes to, to be written together."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    phones: list[binding.Fresh] = field(default_factory=list)
    notes: list[tuple[Row, dict[str, Any]]] = field(default_factory=list)


def pieces(wanted: Mapping[str, Iterable[date]]) -> Iterator[list[Pair]]:
    """Persons' days in sets that are reckoned together, each day once."""
    pairs = [(person, on) for person in sorted(wanted) for on in sorted(set(wanted[person]))]
    for start in range(0, len(pairs), SOME):
        yield pairs[start : start + SOME]


async def reckon_days(work: Work, wanted: Mapping[str, Iterable[date]]) -> int:
    """Reckon these days of these persons anew; how many. Days on which nobody is stationed have no result."""
    return sum([await reckon_some(work, some) for some in pieces(wanted)])


async def reckon_some(work: Work, pairs: Sequence[Pair]) -> int:
    """Reckon one set of days."""
    await repository.system_one_at_a_time(work.session)
    found, results, done = await gather(work, pairs), _Results(), 0
    for at, (person, on) in enumerate(pairs):
        if not at % BREATH:
            await asyncio.sleep(0)
        posting = found.posting(person, on)
        if posting is not None:
            await _one(work, posting, on, found, results)
            done += 1
    await binding.bind(work, results.phones)
    await bulk.keep(work.session, TABLE, results.rows, key=("person", "work_date"), unless="frozen")
    for row, noted in results.notes:
        await repository.system_note(work.session, row.id, noted, work.at)
    await work.tell_all(results.told)
    await work.session.flush()
    return done


async def _one(work: Work, posting: Row, on: date, found: Material, results: _Results) -> None:
    person, ruled = posting.person, found.policy(posting.region, on)
    taps = found.taps.get((person, on), ())
    odd: list[Odd] = []
    if taps:
        results.phones += await binding.fresh(work, posting, taps, found.phones)
        odd = _odd(person, on, found, ruled)
    outcome = reckon(facts_of(person, on, work.today, found, ruled))
    odd += _unsettled(taps, outcome)
    if await keep(work, posting, on, odd, found.reviews, ruled.used[-1].ref):
        outcome = reckon(facts_of(person, on, work.today, found, ruled))
    _write(work, posting, on, found, ruled, outcome, results)


def _odd(person: str, on: date, found: Material, ruled: Policy) -> list[Odd]:
    before = found.before.get((person, on))
    rows = found.history.get(person) or [*([before] if before else []), *found.taps[person, on]]
    traces = [_trace(tap) for tap in rows if tap.source is not Source.BOSS and tap.work_date <= on]
    phones = found.phones.get(person, {})
    others = {
        device: [(who, at.astimezone(CHINA)) for who, at in found.users[device] if who != person]
        for device in {one.device for one in traces if one.on == on}
        if device in found.users
    }
    strange = [
        one.id
        for one in traces
        if one.on == on and one.device in phones and not phones[one.device].trusted(one.at)
    ]
    new = [Odd(Oddity.NEW_DEVICE, Oddity.NEW_DEVICE.label, tuple(strange))] if strange else []
    return [*oddities(on, traces, others, ruled.evidence), *new]


def _trace(tap: Row) -> Trace:
    return Trace(
        id=tap.id,
        on=tap.work_date,
        at=tap.taken_at.astimezone(CHINA),
        place=None if tap.lon is None or tap.lat is None or tap.coarse else (tap.lon, tap.lat),
        accuracy_m=tap.accuracy_m,
        device=tap.device,
        mock=bool(tap.mock),
        clock_off="clock" in tap.flags,
    )


def _unsettled(taps: Sequence[Row], outcome: Outcome) -> list[Odd]:
    """Held check-ins are asked about only where nothing else settles the day."""
    if not outcome.result.asks:
        return []
    held = [one for one in taps if one.result is Result.HELD]
    flags = sorted({flag for one in held for flag in one.flags})
    words = "、".join(Flag(flag).label for flag in flags) or "在围栏边界附近"
    return [Odd(Oddity.UNSETTLED, f"{Oddity.UNSETTLED.label}: {words}", tuple(one.id for one in held))]


def _write(
    work: Work,
    posting: Row,
    on: date,
    found: Material,
    ruled: Policy,
    outcome: Outcome,
    results: _Results,
) -> None:
    row = found.days.get((posting.person, on))
    if row is not None and row.frozen:
        _note(row, outcome, results)
        return
    values = _values(posting, on, found, ruled, outcome)
    if row is not None and all(getattr(row, name) == value for name, value in values.items()):
        return
    identifier = new_id() if row is None else row.id
    version = 1 if row is None else row.version + 1
    results.rows.append(
        {
            **values,
            "id": identifier,
            "version": version,
            "created_at": work.at,
            "created_by": work.actor.id,
            "updated_at": work.at,
            "created_digest": "",
            "person": posting.person,
            "work_date": on,
            "month": f"{on:%Y-%m}",
            "frozen": False,
        }
    )
    if not outcome.provisional and (row is None or row.provisional):
        told = DaySettled(person=posting.person, work_date=on, result=outcome.result, halves=outcome.halves)
        results.told.append(Told(told, str(identifier), version, posting.region))


def _values(posting: Row, on: date, found: Material, ruled: Policy, outcome: Outcome) -> dict[str, Any]:
    members = found.members.get(posting.person, ())
    serving = (one.team_id for one in members if one.starts_on <= on and (one.ends_on or on) >= on)
    return {
        "region": posting.region,
        "person_name": posting.person_name,
        "post_id": posting.post_id,
        "team_id": next(serving, None),
        "result": outcome.result,
        "halves": outcome.halves,
        "leave_halves": outcome.leave_halves,
        "works": ruled.day.works,
        "provisional": outcome.provisional,
        "words": outcome.words,
        "rule_refs": list(ruled.refs),
        "after_signature": {},
    }


def _note(row: Row, outcome: Outcome, results: _Results) -> None:
    """What came after the signature is shown, and changes nothing until the sheet is opened again."""
    same = (outcome.result, outcome.halves, outcome.leave_halves) == (
        row.result,
        row.halves,
        row.leave_halves,
    )
    noted: dict[str, Any] = {}
    if not same:
        noted = {"result": outcome.result, "halves": outcome.halves, "words": outcome.words}
    if row.after_signature != noted:
        results.notes.append((row, noted))
