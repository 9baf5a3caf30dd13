"""Who is stationed where, remembered until it changes, so that a tap costs no question to the database.

Every process asks now and then what was changed meanwhile, by itself or by another.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.posts import repository
from shared.fences import Fence, from_json
from shared.work import Context

FRESH = timedelta(seconds=10)
"""How long a change made by another process may go unnoticed; one made here counts at once."""
OVERLAP = timedelta(minutes=5)
"""Changes are asked for from this much before the last time: clocks differ, and transactions take a while."""
MOST = 100_000
"""Persons remembered."""
NAME = "stations"


Ask = Callable[[Sequence[str], date], Awaitable[Sequence[Any]]]
"""The rows of persons' stations from a day on."""


@dataclass(frozen=True, slots=True)
class Station:
    """Where a person is stationed, as judging needs it."""

    post_id: UUID
    name: str
    region: str
    fences: tuple[Fence, ...]
    starts_on: date
    ends_on: date | None

    def on(self, day: date) -> bool:
        """Whether it holds on a day."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(slots=True)
class _Known:
    """Stations by person, those that ended before `since` left out."""

    since: date
    asked_at: datetime
    persons: dict[str, list[Station]] = field(default_factory=dict)


async def of(
    context: Context,
    session: AsyncSession,
    persons: Collection[str],
    since: date,
    at: datetime,
    ask: Ask | None = None,
) -> dict[str, list[Station]]:
    """Every station of these persons on a day from `since` on; one statement for all not known.

    It is asked within the session, unless there is a shorter way to `ask`.
    """
    known = await _known(context, session, since, at)
    if missing := [one for one in persons if one not in known.persons]:
        if len(known.persons) > MOST:
            known.persons.clear()
        asking = ask or partial(repository.system_stations, session)
        known.persons |= _by_person(missing, await asking(missing, known.since))
    return {one: known.persons.get(one, []) for one in persons}


async def read(session: AsyncSession, persons: Sequence[str], since: date) -> dict[str, list[Station]]:
    """The same from the database, whatever is remembered."""
    return _by_person(persons, await repository.system_stations(session, persons, since))


def _by_person(persons: Sequence[str], rows: Sequence[Any]) -> dict[str, list[Station]]:
    found: dict[str, list[Station]] = {one: [] for one in persons}
    drawn: dict[UUID, tuple[Fence, ...]] = {}
    for row in rows:
        if row.post_id not in drawn:
            drawn[row.post_id] = tuple(map(from_json, row.fences))
        found[row.person].append(_station(row, drawn[row.post_id]))
    return found


def forget(context: Context) -> None:
    """Somebody was stationed elsewhere, or a fence was changed."""
    context.kept.pop(NAME, None)


async def _known(context: Context, session: AsyncSession, since: date, at: datetime) -> _Known:
    known: _Known | None = context.kept.get(NAME)
    if known is None or since < known.since:
        known = context.kept[NAME] = _Known(since, at)
    elif at - known.asked_at >= FRESH:
        _drop(known, await repository.system_restationed(session, known.asked_at - OVERLAP))
        known.asked_at = at
    return known


def _drop(known: _Known, persons: Iterable[str]) -> None:
    for person in persons:
        known.persons.pop(person, None)


def _station(row: Any, fences: tuple[Fence, ...]) -> Station:  # noqa: ANN401 - a row of the query
    ends_on = min(filter(None, (row.ends_on, row.closed_on)), default=None)
    return Station(row.post_id, row.name, row.region, fences, row.starts_on, ends_on)
