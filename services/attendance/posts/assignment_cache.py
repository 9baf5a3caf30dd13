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
from shared.china import Fence, fence_from_json
from shared.unit_of_work import ServiceContext

REFRESH_INTERVAL = timedelta(seconds=10)
"""How long a change made by another process may go unnoticed; one made here counts at once."""
REFRESH_OVERLAP = timedelta(minutes=5)
"""Changes are asked for from this much before the last time: clocks differ, and transactions take a while."""
MAX_CACHED_PERSONS = 100_000
"""Persons remembered."""
CONTEXT_KEY = "stations"


AssignmentQuery = Callable[[Sequence[str], date], Awaitable[Sequence[Any]]]
"""The rows of persons' stations from a day on."""


@dataclass(frozen=True, slots=True)
class CachedAssignment:
    """Where a person is stationed, as judging needs it."""

    post_id: UUID
    name: str
    region: str
    fences: tuple[Fence, ...]
    starts_on: date
    ends_on: date | None

    def covers(self, day: date) -> bool:
        """Whether it holds on a day."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(slots=True)
class _AssignmentCache:
    """Stations by person, those that ended before `since` left out."""

    since: date
    refreshed_at: datetime
    persons: dict[str, list[CachedAssignment]] = field(default_factory=dict)


async def find_assignments(
    context: ServiceContext,
    session: AsyncSession,
    persons: Collection[str],
    since: date,
    at: datetime,
    ask: AssignmentQuery | None = None,
) -> dict[str, list[CachedAssignment]]:
    """Every station of these persons on a day from `since` on; one statement for all not known.

    It is asked within the session, unless there is a shorter way to `ask`.
    """
    known = await _get_cache(context, session, since, at)
    if missing := [one for one in persons if one not in known.persons]:
        if len(known.persons) > MAX_CACHED_PERSONS:
            known.persons.clear()
        asking = ask or partial(repository.system_list_assignments, session)
        known.persons |= _group_by_person(missing, await asking(missing, known.since))
    return {one: known.persons.get(one, []) for one in persons}


async def load_assignments(
    session: AsyncSession, persons: Sequence[str], since: date
) -> dict[str, list[CachedAssignment]]:
    """The same from the database, whatever is remembered."""
    return _group_by_person(persons, await repository.system_list_assignments(session, persons, since))


def _group_by_person(persons: Sequence[str], rows: Sequence[Any]) -> dict[str, list[CachedAssignment]]:
    found: dict[str, list[CachedAssignment]] = {one: [] for one in persons}
    drawn: dict[UUID, tuple[Fence, ...]] = {}
    for row in rows:
        if row.post_id not in drawn:
            drawn[row.post_id] = tuple(map(fence_from_json, row.fences))
        found[row.person].append(_build_assignment(row, drawn[row.post_id]))
    return found


def clear_cache(context: ServiceContext) -> None:
    """Somebody was stationed elsewhere, or a fence was changed."""
    context.memory.pop(CONTEXT_KEY, None)


async def _get_cache(
    context: ServiceContext, session: AsyncSession, since: date, at: datetime
) -> _AssignmentCache:
    known: _AssignmentCache | None = context.memory.get(CONTEXT_KEY)
    if known is None or since < known.since:
        known = context.memory[CONTEXT_KEY] = _AssignmentCache(since, at)
    elif at - known.refreshed_at >= REFRESH_INTERVAL:
        _remove_persons(
            known,
            await repository.system_list_reassigned_persons(session, known.refreshed_at - REFRESH_OVERLAP),
        )
        known.refreshed_at = at
    return known


def _remove_persons(known: _AssignmentCache, persons: Iterable[str]) -> None:
    for person in persons:
        known.persons.pop(person, None)


def _build_assignment(row: Any, fences: tuple[Fence, ...]) -> CachedAssignment:  # noqa: ANN401 - a row of the query
    ends_on = min(filter(None, (row.ends_on, row.closed_on)), default=None)
    return CachedAssignment(row.post_id, row.name, row.region, fences, row.starts_on, ends_on)
