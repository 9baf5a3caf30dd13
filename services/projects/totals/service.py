"""Folding changes into totals, behind the writers."""

from services.projects.totals import counting, repository
from shared import totals
from shared.work import Context

KEPT = counting.KEYS
"""What totals are kept by; importing this module is what turns the counting on."""


async def fold(context: Context) -> int:
    """Fold everything there is; how many changes there were."""
    return await totals.fold_all(context, repository.KEPT)
