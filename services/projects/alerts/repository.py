"""What each warning sees, over all regions, and what waits for an answer."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from services.projects.alerts.models import ProjectAlert
from services.projects.library.repository import PROJECT
from services.projects.warnings.signs import SIGNS
from shared.alerts.hits import MOST
from shared.alerts.lifecycle import AlertState
from shared.db import run
from shared.permissions import May
from shared.work import Work

ALERT: sa.Table = ProjectAlert.__table__  # type: ignore[attr-defined]


async def system_warned(work: Work, name: str, value: Mapping[str, Any]) -> list[sa.Row[Any]]:
    """(id, region, name, since) of the projects a warning sees, the longest first."""
    since = PROJECT.c[SIGNS[name].since]
    query = sa.select(PROJECT.c.id, PROJECT.c.region, PROJECT.c.name, since.label("since"))
    query = query.where(SIGNS[name].condition(value, work.today)).order_by(since, PROJECT.c.id)
    return list(await run(work.session, query.limit(MOST)))


async def waiting(work: Work) -> int:
    """How many alerts wait for an answer of the caller's regions."""
    query = sa.select(sa.func.count()).where(
        ALERT.c.state == AlertState.OPEN,
        ALERT.c.gone.is_(False),
        work.actor.where(May.PROJECT_IMPLEMENT, ALERT.c.region),
    )
    return int((await run(work.session, query)).scalar_one())
