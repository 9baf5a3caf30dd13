"""In-process cache of assignments, so that a check-in needs no query for them.

Each process asks every REFRESH_INTERVAL which persons' assignments or posts have changed.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.posts import repository
from shared.china import Fence, fence_from_json
from shared.unit_of_work import ServiceContext

REFRESH_INTERVAL = timedelta(seconds=10)
"""Maximum age of data changed by another process; a change in this process clears the cache at once."""
REFRESH_OVERLAP = timedelta(minutes=5)
"""Overlap of two refreshes, for clock differences and transactions that commit late."""
MAX_CACHED_PERSONS = 100_000
"""Cached persons; above this the cache is cleared."""
CONTEXT_KEY = "assignments"


AssignmentQuery = Callable[[Sequence[str], date], Awaitable[Sequence[Any]]]
"""Returns rows of the persons' assignments that end on or after a day."""


@dataclass(frozen=True, slots=True)
class CachedAssignment:
    """An assignment with the fences of its post, as evaluation needs it."""

    post_id: UUID
    name: str
    region: str
    fences: tuple[Fence, ...]
    starts_on: date
    ends_on: date | None
    former: tuple[tuple[datetime, tuple[Fence, ...]], ...] = ()
    """Fences that were replaced, each with the instant until which they held."""

    def at(self, instant: datetime) -> "CachedAssignment":
        """The assignment with the fences of an instant."""
        fences = next((fences for until, fences in self.former if instant < until), self.fences)
        return self if fences is self.fences else replace(self, fences=fences)

    def covers(self, day: date) -> bool:
        """True if the assignment covers the day."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(slots=True)
class _AssignmentCache:
    """Assignments by person; those that ended before `since` are not cached."""

    since: date
    refreshed_at: datetime
    persons: dict[str, list[CachedAssignment]] = field(default_factory=dict)


async def find_assignments(
    context: ServiceContext,
    session: AsyncSession,
    persons: Collection[str],
    since: date,
    at: datetime,
    query: AssignmentQuery | None = None,
) -> dict[str, list[CachedAssignment]]:
    """Returns the persons' assignments that end on or after `since`; one statement for all that are not cached.

    `query` replaces the query within the session if there is a cheaper one.
    """
    cache = await _get_cache(context, session, since, at)
    if missing := [person for person in persons if person not in cache.persons]:
        if len(cache.persons) > MAX_CACHED_PERSONS:
            cache.persons.clear()
        run_query = query or partial(repository.system_list_assignments, session)
        cache.persons |= _group_by_person(missing, await run_query(missing, cache.since))
    return {person: cache.persons.get(person, []) for person in persons}


async def load_assignments(
    session: AsyncSession, persons: Sequence[str], since: date
) -> dict[str, list[CachedAssignment]]:
    """Returns the persons' assignments from the database, without the cache."""
    return _group_by_person(persons, await repository.system_list_assignments(session, persons, since))


def _group_by_person(persons: Sequence[str], rows: Sequence[Any]) -> dict[str, list[CachedAssignment]]:
    """Groups rows by person; parses the fences of each post once."""
    assignments: dict[str, list[CachedAssignment]] = {person: [] for person in persons}
    fences_by_post: dict[UUID, tuple[Fence, ...]] = {}
    for row in rows:
        if row.post_id not in fences_by_post:
            fences_by_post[row.post_id] = tuple(map(fence_from_json, row.fences))
        assignments[row.person].append(_build_assignment(row, fences_by_post[row.post_id]))
    return assignments


def clear_cache(context: ServiceContext) -> None:
    """Clears the cache after a change of an assignment or a post."""
    context.memory.pop(CONTEXT_KEY, None)


async def _get_cache(
    context: ServiceContext, session: AsyncSession, since: date, at: datetime
) -> _AssignmentCache:
    """Returns the cache, refreshed if due; a new one if it does not reach back to `since`."""
    cache: _AssignmentCache | None = context.memory.get(CONTEXT_KEY)
    if cache is None or since < cache.since:
        cache = context.memory[CONTEXT_KEY] = _AssignmentCache(since, at)
    elif at - cache.refreshed_at >= REFRESH_INTERVAL:
        _remove_persons(
            cache,
            await repository.system_list_reassigned_persons(session, cache.refreshed_at - REFRESH_OVERLAP),
        )
        cache.refreshed_at = at
    return cache


def _remove_persons(cache: _AssignmentCache, persons: Iterable[str]) -> None:
    """Removes persons from the cache."""
    for person in persons:
        cache.persons.pop(person, None)


def _build_assignment(row: Any, fences: tuple[Fence, ...]) -> CachedAssignment:  # noqa: ANN401 - a row of the query
    """Builds an entry; it ends with the assignment or the closing of the post, whichever is first."""
    ends_on = min(filter(None, (row.ends_on, row.closed_on)), default=None)
    former = tuple(
        (datetime.fromisoformat(one["until"]), tuple(map(fence_from_json, one["fences"])))
        for one in row.former_fences or ()
    )
    return CachedAssignment(row.post_id, row.name, row.region, fences, row.starts_on, ends_on, former)
