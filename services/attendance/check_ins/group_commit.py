"""Group commit: check-ins that arrive together share one transaction; each is answered after its commit.

While one transaction commits, further requests queue for the next; no request waits for others to arrive.
If a shared transaction fails, each of its requests is retried alone, so that a failure affects only its cause.
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
"""Requests per transaction."""
MAX_ITEMS_PER_COMMIT = 1_000
"""Items per transaction."""
MAX_QUEUED_SUBMISSIONS = 5_000
"""Queued requests; further ones get RateLimited."""
CONTEXT_KEY = "group_committer"


@dataclass(slots=True)
class _QueuedSubmission:
    """A submission and the future that its request awaits."""

    submission: Submission
    done: asyncio.Future[None]


class GroupCommitter:
    """Queue and writer task for the check-ins of one service process."""

    def __init__(self, context: ServiceContext) -> None:
        """Starts with an empty queue and no task."""
        self.context = context
        self._queue: list[_QueuedSubmission] = []
        self._task: asyncio.Task[None] | None = None
        self._read_session = context.database.long_lived_read_session()
        self._connection = AutocommitConnection(context.database)
        self._assignment_query = partial(system_list_assignments_autocommit, self._connection)

    async def submit(self, actor: Actor, items: CheckInItems) -> list[CheckInResult]:
        """Returns the results in the order sent, once committed. Raises RateLimited if the queue is full."""
        if len(self._queue) >= MAX_QUEUED_SUBMISSIONS:
            raise RateLimited(
                "打卡人数过多, 请稍后自动重发", "Come back in a moment", headers={"Retry-After": "3"}
            )
        queued = _QueuedSubmission(
            Submission(actor, self.context.clock(), items), asyncio.get_running_loop().create_future()
        )
        self._queue.append(queued)
        if self._task is None:
            self._task = asyncio.create_task(self._commit_queue())
        # A client that disconnects cancels only this await: the shared transaction goes on.
        await queued.done
        if queued.submission.refusal is not None:
            raise queued.submission.refusal
        return queued.submission.results

    async def _commit_queue(self) -> None:
        try:
            while self._queue:
                await self._commit_or_split(self._take_batch())
        finally:
            self._task = None

    def _take_batch(self) -> list[_QueuedSubmission]:
        count, items = 0, 0
        for queued in self._queue[:MAX_SUBMISSIONS_PER_COMMIT]:
            items += len(queued.submission.items)
            if count and items > MAX_ITEMS_PER_COMMIT:
                break
            count += 1
        batch, self._queue = self._queue[:count], self._queue[count:]
        return batch

    async def _commit_or_split(self, batch: Sequence[_QueuedSubmission]) -> None:
        try:
            await self._commit_batch([queued.submission for queued in batch])
        except Exception as error:  # noqa: BLE001 - passed on to the requests concerned
            if len(batch) == 1 or isinstance(error, Unavailable):  # nothing left to split, or no database
                for queued in batch:
                    _set_failure(queued, error)
                return
            for queued in batch:
                queued.submission = Submission(
                    queued.submission.actor, queued.submission.at, queued.submission.items
                )
                await self._commit_or_split([queued])
            return
        for queued in batch:
            if not queued.done.done():
                queued.done.set_result(None)

    async def _commit_batch(self, submissions: Sequence[Submission]) -> None:
        database = self.context.database
        async with database.reuse_read_session(self._read_session) as session:
            await evaluate_submissions(
                self.context.unit_of_work(session), submissions, self._assignment_query
            )
        await write_submissions(
            submissions,
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


def _set_failure(queued: _QueuedSubmission, error: Exception) -> None:
    if queued.done.done():
        return
    if isinstance(error, ApiError):
        queued.submission.refusal = error
        queued.done.set_result(None)
    else:
        queued.done.set_exception(error)


def get_group_committer(context: ServiceContext) -> GroupCommitter:
    """Returns the group committer of a running service; creates it on first use."""
    committer: GroupCommitter | None = context.memory.get(CONTEXT_KEY)
    if committer is None:
        committer = context.memory[CONTEXT_KEY] = GroupCommitter(context)
    return committer


async def ingest_check_ins(context: ServiceContext, actor: Actor, items: CheckInItems) -> list[CheckInResult]:
    """Stores the items by group commit; returns each item's result after its commit."""
    return await get_group_committer(context).submit(actor, items)


async def ingest_in_transaction(work: UnitOfWork, items: CheckInItems) -> list[CheckInResult]:
    """Stores the items in the request's own transaction, as an Idempotency-Key requires."""
    submission = Submission(work.actor, work.at, items)
    await evaluate_submissions(work, [submission])
    insert = partial(repository.system_insert_check_ins, work.session)
    await write_submissions([submission], insert, partial(repository.system_find_digests, work.session))
    if submission.refusal is not None:
        raise submission.refusal
    return submission.results
