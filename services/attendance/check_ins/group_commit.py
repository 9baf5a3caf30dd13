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
from services.attendance.check_ins.autocommit_connection import AutocommitConnection
from services.attendance.check_ins.schemas import CheckInResult
from services.attendance.check_ins.service import (
    CheckInItems,
    Submission,
    evaluate_submissions,
    write_submissions,
)
from services.attendance.posts.repository import system_list_assignments_autocommit
from shared.auth import Actor
from shared.errors import ApiError, RateLimited, Unavailable
from shared.unit_of_work import ServiceContext, UnitOfWork

MAX_SUBMISSIONS_PER_COMMIT = 64
"""Most callers in one transaction."""
MAX_ITEMS_PER_COMMIT = 1_000
"""Most items in one transaction."""
MAX_QUEUED_SUBMISSIONS = 5_000
"""Most callers that wait; a further one is asked to come back."""
CONTEXT_KEY = "gatherer"


@dataclass(slots=True)
class _QueuedSubmission:
    submission: Submission
    done: asyncio.Future[None]


class GroupCommitter:
    """One service's check-ins on their way into the database."""

    def __init__(self, context: ServiceContext) -> None:
        """Nothing is under way yet."""
        self.context = context
        self._queue: list[_QueuedSubmission] = []
        self._task: asyncio.Task[None] | None = None
        self._read_session = context.database.long_lived_read_session()
        self._connection = AutocommitConnection(context.database)
        self._assignment_query = partial(system_list_assignments_autocommit, self._connection)

    async def submit(self, actor: Actor, items: CheckInItems) -> list[CheckInResult]:
        """The results of a caller's items, in the order sent, once they are committed; TooMany when too many wait."""
        if len(self._queue) >= MAX_QUEUED_SUBMISSIONS:
            raise RateLimited(
                "打卡人数过多, 请稍后自动重发", "Come back in a moment", headers={"Retry-After": "3"}
            )
        waiting = _QueuedSubmission(
            Submission(actor, self.context.clock(), items), asyncio.get_running_loop().create_future()
        )
        self._queue.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._commit_queue())
        # A caller who hangs up cancels only this: the shared transaction goes on.
        await waiting.done
        if waiting.submission.refusal is not None:
            raise waiting.submission.refusal
        return waiting.submission.results

    async def _commit_queue(self) -> None:
        try:
            while self._queue:
                await self._commit_or_split(self._take_batch())
        finally:
            self._task = None

    def _take_batch(self) -> list[_QueuedSubmission]:
        count, items = 0, 0
        for one in self._queue[:MAX_SUBMISSIONS_PER_COMMIT]:
            items += len(one.submission.items)
            if count and items > MAX_ITEMS_PER_COMMIT:
                break
            count += 1
        some, self._queue = self._queue[:count], self._queue[count:]
        return some

    async def _commit_or_split(self, some: Sequence[_QueuedSubmission]) -> None:
        try:
            await self._commit_batch([one.submission for one in some])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who is concerned
            if len(some) == 1 or isinstance(error, Unavailable):  # who is alone, or a database that is away
                for one in some:
                    _set_failure(one, error)
                return
            for one in some:
                one.submission = Submission(one.submission.actor, one.submission.at, one.submission.items)
                await self._commit_or_split([one])
            return
        for one in some:
            if not one.done.done():
                one.done.set_result(None)

    async def _commit_batch(self, callers: Sequence[Submission]) -> None:
        database = self.context.database
        async with database.reuse_read_session(self._read_session) as session:
            await evaluate_submissions(self.context.unit_of_work(session), callers, self._assignment_query)
        await write_submissions(
            callers,
            partial(repository.system_insert_check_ins_autocommit, self._connection),
            self._find_digests,
        )
        self.context.changed.set()

    async def close(self) -> None:
        """Close the autocommit connection, when the service stops."""
        await self._connection.close()

    async def _find_digests(self, ids: Sequence[UUID]) -> Mapping[UUID, tuple[str, str]]:
        async with self.context.database.read() as session:
            return await repository.system_find_digests(session, ids)


def _set_failure(one: _QueuedSubmission, error: Exception) -> None:
    if one.done.done():
        return
    if isinstance(error, ApiError):
        one.submission.refusal = error
        one.done.set_result(None)
    else:
        one.done.set_exception(error)


def get_group_committer(context: ServiceContext) -> GroupCommitter:
    """The gatherer of a running service."""
    found: GroupCommitter | None = context.memory.get(CONTEXT_KEY)
    if found is None:
        found = context.memory[CONTEXT_KEY] = GroupCommitter(context)
    return found


async def ingest_check_ins(context: ServiceContext, actor: Actor, items: CheckInItems) -> list[CheckInResult]:
    """Each item's result, after the commit that holds it."""
    return await get_group_committer(context).submit(actor, items)


async def ingest_in_transaction(work: UnitOfWork, items: CheckInItems) -> list[CheckInResult]:
    """The same in the transaction of a request with an Idempotency-Key."""
    caller = Submission(work.actor, work.at, items)
    await evaluate_submissions(work, [caller])
    insert = partial(repository.system_insert_check_ins, work.session)
    await write_submissions([caller], insert, partial(repository.system_find_digests, work.session))
    if caller.refusal is not None:
        raise caller.refusal
    return caller.results
