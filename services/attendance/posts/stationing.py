"""Who is stationed where, remembered for a moment, so that a tap costs no question to the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.posts import repository
from shared.fences import Fence, from_json
from shared.work import Context

FRESH = timedelta(seconds=10)
"""How long it is remembered; a change made in this process counts at once."""
MOST = 50_000
NAME = "stations"


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


Known = dict[str, tuple[datetime, list[Station]]]


async def of(
    context: Context, session: AsyncSession, persons: Iterable[str], first: date, last: date, at: datetime
) -> dict[str, list[Station]]:
    """Every station of these persons on any of these days (and around them), by person; one statement for all not known."""
    known: Known = context.kept.setdefault(NAME, {})
    wanted = set(persons)
    missing = [one for one in wanted if one not in known or known[one][0] <= at - FRESH]
    if missing:
        if len(known) > MOST:
            known.clear()
        for person in missing:
            known[person] = (at, [])
        for row in await repository.system_stations(session, missing, first, last):
            ends_on = min(filter(None, (row.ends_on, row.closed_on)), default=None)
            fences = tuple(from_json(fence) for fence in row.fences)
            known[row.person][1].append(
                Station(row.post_id, row.name, row.region, fences, row.starts_on, ends_on)
            )
    return {one: known[one][1] for one in wanted}


def forget(context: Context) -> None:
    """Somebody was stationed elsewhere, or a fence was changed."""
    context.kept.pop(NAME, None)
