"""Group commit: check-ins that arrive together share one transaction, and each is answered after the commit that holds it.

While one transaction is on its way to the disk, everybody who comes waits for the next; nobody waits for company.
When a shared transaction fails, each of its callers is tried alone, so that nobody bears another's failure.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from services.attendance.check_ins import repository
from services.attendance.check_ins.schemas import CheckInResult
from services.attendance.check_ins.taking import Caller, Items, judge_all, write_all
from services.attendance.posts.repository import system_stations_at_once
from shared.access import Actor
from shared.errors import Refusal, TooMany, Unavailable
from shared.work import Context

TOGETHER = 64
"""Most callers in one transaction."""
ITEMS = 1_000
"""Most items in one transaction."""
WAITING = 5_000
"""Most callers that wait; a further one is asked to come back."""
NAME = "gatherer"


@dataclass(slots=True)
class _Waiting:
    caller: Caller
    done: asyncio.Future[None]


class Gatherer:
    """One service's check-ins on their way into the database."""

    def __init__(self, context: Context) -> None:
        """Nothing is under way yet."""
        self.context = context
        self._queue: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._reading = context.database.seldom()
        self._ask = partial(system_stations_at_once, context.database)

    async def take(self, actor: Actor, items: Items) -> list[CheckInResult]:
        """The results of a caller's items, in the order sent, once they are committed; TooMany when too many wait."""
        if len(self._queue) >= WAITING:
            raise TooMany(
                "打卡人数过多, 请稍后自动重发", "Come back in a moment", headers={"Retry-After": "3"}
            )
        waiting = _Waiting(
            Caller(actor, self.context.clock(), items), asyncio.get_running_loop().create_future()
        )
        self._queue.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        # A caller who hangs up cancels only this: the shared transaction goes on.
        await waiting.done
        if waiting.caller.refusal is not None:
            raise waiting.caller.refusal
        return waiting.caller.answer

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._together(self._next())
        finally:
            self._task = None

    def _next(self) -> list[_Waiting]:
        count, items = 0, 0
        for one in self._queue[:TOGETHER]:
            items += len(one.caller.items)
            if count and items > ITEMS:
                break
            count += 1
        some, self._queue = self._queue[:count], self._queue[count:]
        return some

    async def _together(self, some: Sequence[_Waiting]) -> None:
        try:
            await self._commit([one.caller for one in some])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who is concerned
            if len(some) == 1 or isinstance(error, Unavailable):  # who is alone, or a database that is away
                for one in some:
                    _fail(one, error)
                return
            for one in some:
                one.caller = Caller(one.caller.actor, one.caller.at, one.caller.items)
                await self._together([one])
            return
        for one in some:
            if not one.done.done():
                one.done.set_result(None)

    async def _commit(self, callers: Sequence[Caller]) -> None:
        database = self.context.database
        async with database.glance(self._reading) as session:
            await judge_all(self.context.work(session), callers, self._ask)
        await write_all(callers, partial(repository.system_insert_at_once, database), self._digests)
        self.context.changed.set()

    async def _digests(self, ids: Sequence[UUID]) -> Mapping[UUID, tuple[str, str]]:
        async with self.context.database.read() as session:
            return await repository.system_digests(session, ids)


def _fail(one: _Waiting, error: Exception) -> None:
    if one.done.done():
        return
    if isinstance(error, Refusal):
        one.caller.refusal = error
        one.done.set_result(None)
    else:
        one.done.set_exception(error)


def gatherer(context: Context) -> Gatherer:
    """The gatherer of a running service."""
    found: Gatherer | None = context.kept.get(NAME)
    if found is None:
        found = context.kept[NAME] = Gatherer(context)
    return found
