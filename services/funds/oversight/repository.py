"""Every query of oversight: sums per fund, rank and level, in SQL."""

from typing import Any

import sqlalchemy as sa

from services.funds.allocations.models import Allocation
from services.funds.commitments.models import ProjectCard
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.models import LedgerAccount
from services.funds.oversight.schemas import Rank
from services.funds.plans.lifecycle import PlanState
from services.funds.plans.models import Plan
from services.funds.sources.kinds import Level
from services.funds.sources.models import Source
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.work import Work

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
ALLOCATION: sa.Table = Allocation.__table__  # type: ignore[attr-defined]
CARD: sa.Table = ProjectCard.__table__  # type: ignore[attr-defined]
PLAN: sa.Table = Plan.__table__  # type: ignore[attr-defined]
SOURCE: sa.Table = Source.__table__  # type: ignore[attr-defined]
HELD = (AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID)
UPPER = (Level.CENTRAL, Level.PROVINCIAL)
K = AccountKind


def _rank(region: Any) -> Any:  # noqa: ANN401 - column expressions
    return sa.case(
        (sa.func.substr(region, 3) == "0" * 10, Rank.PROVINCE.value),
        (sa.func.substr(region, 5) == "0" * 8, Rank.CITY.value),
        (sa.func.substr(region, 7) == "0" * 6, Rank.COUNTY.value),
        else_=Rank.TOWN.value,
    )


def _sum(condition: Any) -> Any:  # noqa: ANN401 - column expressions
    held = sa.case((condition, ACCOUNT.c.balance), else_=0)
    return sa.cast(sa.func.coalesce(sa.func.sum(held), 0), sa.BigInteger)


def _in_year(work: Work, region: str, year: int) -> list[Any]:
    column = ACCOUNT.c.region
    return [ACCOUNT.c.year == year, column.between(*span(region)), work.actor.where(May.FUND_READ, column)]


async def flows(work: Work, region: str, year: int, by: str) -> list[sa.Row[Any]]:
    """Received, central, allocated and paid per fund (or town), rank of the source and rank of the account."""
    key = SOURCE.c.fund if by == "fund" else sa.func.substr(ACCOUNT.c.region, 1, 9)
    source, holder = _rank(SOURCE.c.region), _rank(ACCOUNT.c.region)
    columns = (key.label("key"), source.label("source_rank"), holder.label("rank"))
    received = ACCOUNT.c.kind == K.RECEIVED
    query = (
        sa.select(
            *columns,
            _sum(received).label("received"),
            _sum(sa.and_(received, SOURCE.c.level == Level.CENTRAL)).label("central"),
            _sum(ACCOUNT.c.kind.in_(HELD)).label("allocated"),
            _sum(ACCOUNT.c.kind == K.PAID).label("paid"),
        )
        .select_from(ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id))
        .where(*_in_year(work, region, year))
        .group_by(*columns)
        .order_by(*columns)
    )
    return list(await run(work.session, query))


async def documents(work: Work, region: str, year: int) -> list[sa.Row[Any]]:
    """Central and provincial documents of a year with what they brought."""
    kept = SOURCE.c
    query = (
        sa.select(kept.id, kept.received_on, _sum(ACCOUNT.c.kind == K.RECEIVED).label("received"))
        .select_from(ACCOUNT.join(SOURCE, kept.id == ACCOUNT.c.source_id))
        .where(
            kept.fiscal_year == year,
            kept.level.in_(UPPER),
            kept.region.between(*span(region)),
            work.actor.where(May.FUND_READ, kept.region),
        )
        .group_by(kept.id, kept.received_on)
    )
    return list(await run(work.session, query))


async def issues(work: Work, region: str, year: int) -> list[sa.Row[Any]]:
    """What was issued from central and provincial documents of a year, per document and day."""
    kept = ALLOCATION.c
    amount = sa.cast(sa.func.sum(kept.amount), sa.BigInteger).label("amount")
    query = (
        sa.select(kept.source_id, kept.issued_on, amount)
        .select_from(ALLOCATION.join(SOURCE, SOURCE.c.id == kept.source_id))
        .where(
            kept.year == year,
            SOURCE.c.level.in_(UPPER),
            kept.region.between(*span(region)),
            work.actor.where(May.FUND_READ, kept.region),
        )
        .group_by(kept.source_id, kept.issued_on)
    )
    return list(await run(work.session, query))


async def projects(work: Work, region: str, year: int) -> list[sa.Row[Any]]:
    """Funded projects of a year by their state in the library: how many, and how many have a library code."""
    kept = ALLOCATION.c
    funded = (
        sa.select(kept.project_id)
        .where(
            kept.year == year,
            kept.region.between(*span(region)),
            work.actor.where(May.FUND_READ, kept.region),
        )
        .distinct()
        .subquery()
    )
    state = sa.func.coalesce(CARD.c.state, "").label("state")
    query = (
        sa.select(
            state, sa.func.count().label("projects"), sa.func.count().filter(CARD.c.code != "").label("coded")
        )
        .select_from(funded.outerjoin(CARD, CARD.c.id == funded.c.project_id))
        .group_by(state)
    )
    return list(await run(work.session, query))


async def issued_plans(work: Work, region: str, year: int) -> list[Any]:
    """Ids of the plans of a year that are issued."""
    kept = PLAN.c
    query = sa.select(kept.id).where(
        kept.year == year,
        kept.state == PlanState.ISSUED,
        kept.region.between(*span(region)),
        work.actor.where(May.FUND_READ, kept.region),
    )
    return list((await run(work.session, query)).scalars())


async def uses(work: Work, region: str, year: int) -> sa.Row[Any]:
    """Of a year's money: central and provincial allocated, of it to industry; received in all, of it pooled."""
    upper = sa.and_(ACCOUNT.c.kind.in_(HELD), SOURCE.c.level.in_(UPPER))
    received = ACCOUNT.c.kind == K.RECEIVED
    joined = ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id)
    query = (
        sa.select(
            _sum(upper).label("upper"),
            _sum(sa.and_(upper, ALLOCATION.c.industry)).label("industry"),
            _sum(received).label("received"),
            _sum(sa.and_(received, SOURCE.c.fund == "pooled")).label("pooled"),
        )
        .select_from(joined.outerjoin(ALLOCATION, ALLOCATION.c.id == ACCOUNT.c.allocation_id))
        .where(*_in_year(work, region, year))
    )
    return (await run(work.session, query)).one()


async def tasks(work: Work, region: str, year: int) -> list[sa.Row[Any]]:
    """Allocated and paid per task of a year."""
    query = (
        sa.select(
            SOURCE.c.task,
            _sum(ACCOUNT.c.kind.in_(HELD)).label("allocated"),
            _sum(ACCOUNT.c.kind == K.PAID).label("paid"),
        )
        .select_from(ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id))
        .where(*_in_year(work, region, year))
        .group_by(SOURCE.c.task)
        .order_by(SOURCE.c.task)
    )
    return list(await run(work.session, query))
