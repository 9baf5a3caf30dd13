"""Every query about rule sets."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.screening.kinds import SetState
from services.projects.screening.models import RuleSetRow
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.rules import lineage
from shared.work import Work

RULE_SET: sa.Table = RuleSetRow.__table__  # type: ignore[attr-defined]


async def get(work: Work, rule_set_id: UUID, *, lock: bool = False) -> RuleSetRow:
    """One rule set; NotFound otherwise. Rules are readable by everybody who may read rules."""
    query = select(RuleSetRow).where(
        RuleSetRow.id == rule_set_id, work.actor.where(May.RULE_READ, col(RuleSetRow.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这个规则集: {rule_set_id}", f"No rule set {rule_set_id}")
    return found


async def listed(work: Work, asked: Asked, *, state: SetState | None) -> Page[RuleSetRow]:
    """Rule sets, the newest first."""
    query = select(RuleSetRow).where(work.actor.where(May.RULE_READ, col(RuleSetRow.region)))
    if state is not None:
        query = query.where(RuleSetRow.state == state)
    orders = {"created_at": col(RuleSetRow.created_at)}
    return await page(
        work.session, query, asked, orders=orders, key=col(RuleSetRow.id), default="-created_at"
    )


async def active(work: Work, region: str, *, lock: bool = False) -> RuleSetRow | None:
    """The edited set in force in a region, its own or the nearest above it."""
    query = select(RuleSetRow).where(
        RuleSetRow.state == SetState.ACTIVE, col(RuleSetRow.region).in_(lineage(region))
    )
    query = query.order_by(col(RuleSetRow.region).desc()).limit(1)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def next_number(work: Work, region: str) -> int:
    """The number of a region's next set."""
    query = sa.select(sa.func.coalesce(sa.func.max(RULE_SET.c.number), 0) + 1)
    return int((await run(work.session, query.where(RULE_SET.c.region == region))).scalar_one())


async def system_known(work: Work, digest: str) -> bool:
    """Whether a set with this content is kept."""
    query = sa.select(RULE_SET.c.id).where(RULE_SET.c.digest == digest).limit(1)
    return (await run(work.session, query)).first() is not None
