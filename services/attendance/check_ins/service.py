"""Taking check-ins in: with others in one transaction, or in one of its own when its answer is kept by a key."""

from functools import partial

from services.attendance.check_ins import repository
from services.attendance.check_ins.gathering import gatherer
from services.attendance.check_ins.schemas import CheckInResult
from services.attendance.check_ins.taking import Caller, Items, judge_all, write_all
from shared.access import Actor
from shared.work import Context, Work


async def take(context: Context, actor: Actor, items: Items) -> list[CheckInResult]:
    """Each item's result, after the commit that holds it."""
    return await gatherer(context).take(actor, items)


async def take_keyed(work: Work, items: Items) -> list[CheckInResult]:
    """The same in the transaction of a request with an Idempotency-Key."""
    caller = Caller(work.actor, work.at, items)
    await judge_all(work, [caller])
    insert = partial(repository.system_insert, work.session)
    await write_all([caller], insert, partial(repository.system_digests, work.session))
    if caller.refusal is not None:
        raise caller.refusal
    return caller.answer
