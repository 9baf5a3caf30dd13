"""Folding changes into totals, behind the writers."""

import asyncio

import structlog

from services.projects.totals import counting, repository
from shared.errors import Refusal
from shared.work import Context

EVERY = 5
log = structlog.get_logger("totals")
KEPT = counting.KEYS
"""What totals are kept by; importing this module is what turns the counting on."""


async def fold(context: Context) -> int:
    """Fold everything there is, a batch at a time; how many changes there were."""
    done = 0
    while True:
        async with context.database.write() as session:
            folded = await repository.system_fold(context.work(session))
        done += folded
        if folded < repository.BATCH:
            return done


async def fold_forever(context: Context) -> None:
    """The background task."""
    while True:
        try:
            await fold(context)
        except Refusal as refusal:
            log.warning("fold", reason=refusal.detail)
        await asyncio.sleep(EVERY)
