"""The query behind a package's sums."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.projects.library.repository import PROJECT
from services.projects.library.states import Stage, states_of
from shared.db import run
from shared.permissions import May
from shared.work import Work

P = PROJECT.c


async def rolled(work: Work, project_id: UUID) -> sa.Row[Any]:
    """Counts and 分 of the parts of a package that have no parts themselves."""
    inner = sa.select(P.id).where(P.parent_id == project_id)
    below = sa.or_(P.parent_id == project_id, P.parent_id.in_(inner))
    sums = [
        sa.cast(sa.func.coalesce(sa.func.sum(P[name]), 0), sa.BigInteger).label(name)
        for name in ("total", "allocated", "paid", "settled")
    ]
    done = sa.case((P.state.in_(states_of(Stage.COMPLETED)), 1), else_=0)
    query = sa.select(
        sa.func.count().label("count"), *sums, sa.func.coalesce(sa.func.sum(done), 0).label("completed")
    ).where(
        below,
        P.is_package.is_(False),
        P.state.not_in(states_of(Stage.OUT)),
        work.actor.where(May.PROJECT_READ, P.region),
    )
    return (await run(work.session, query)).one()
