"""What the event log of assets proves, and sums that follow from it: values, income accounts, running totals."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from services.assets.book.lifecycle import AdjustmentState
from services.assets.book.models import ValueAdjustment
from services.assets.distributions.models import IncomeBalance, IncomePosting
from services.assets.register.models import Asset
from services.assets.tables import Base
from shared.china import format_yuan
from shared.db import ProvedTables, execute_core
from shared.events.fsck import Difference, DifferenceKind, Fsck, Told, build_difference

COPY = "working data: can be made again from proved rows"
ASSET: sa.Table = Asset.__table__  # type: ignore[attr-defined]
ADJUSTMENT: sa.Table = ValueAdjustment.__table__  # type: ignore[attr-defined]
POSTING: sa.Table = IncomePosting.__table__  # type: ignore[attr-defined]
BALANCE: sa.Table = IncomeBalance.__table__  # type: ignore[attr-defined]


async def check_values(session: AsyncSession, _told: Told) -> AsyncIterator[Difference]:
    """`adjusted` of every asset against its decided adjustments."""
    decided = sa.and_(ADJUSTMENT.c.asset_id == ASSET.c.id, ADJUSTMENT.c.state == AdjustmentState.APPROVED)
    total = sa.cast(sa.func.coalesce(sa.func.sum(ADJUSTMENT.c.amount), 0), sa.BigInteger)
    query = (
        sa.select(ASSET.c.id, ASSET.c.adjusted, total.label("total"))
        .select_from(ASSET.outerjoin(ADJUSTMENT, decided))
        .group_by(ASSET.c.id, ASSET.c.adjusted)
        .having(total != ASSET.c.adjusted)
    )
    for row in await execute_core(session, query):
        words = f"资产 {row.id} 的价值调整合计 {format_yuan(row.adjusted)} 元, 已批准的调整相加是 {format_yuan(row.total)} 元"
        yield build_difference(DifferenceKind.SUM, "asset", str(row.id), words)


async def check_income(session: AsyncSession, _told: Told) -> AsyncIterator[Difference]:
    """Balances of income accounts against their postings."""
    total = sa.cast(sa.func.coalesce(sa.func.sum(POSTING.c.amount), 0), sa.BigInteger)
    same = sa.and_(POSTING.c.region == BALANCE.c.region, POSTING.c.account == BALANCE.c.account)
    query = (
        sa.select(BALANCE.c.region, BALANCE.c.account, BALANCE.c.amount, total.label("total"))
        .select_from(BALANCE.outerjoin(POSTING, same))
        .group_by(BALANCE.c.region, BALANCE.c.account, BALANCE.c.amount)
        .having(total != BALANCE.c.amount)
    )
    for row in await execute_core(session, query):
        words = f"{row.region} 收益账户 {row.account} 余额 {format_yuan(row.amount)} 元, 明细相加是 {format_yuan(row.total)} 元"
        yield build_difference(DifferenceKind.SUM, "income_balance", f"{row.region}:{row.account}", words)


async def check_funding(session: AsyncSession, _told: Told) -> AsyncIterator[Difference]:
    """Money that was carried from the books adds up to the value of its asset."""
    carried = sa.and_(ASSET.c.funding_carried.is_(True), ASSET.c.funding_known.is_(True))
    query = sa.select(ASSET.c.id, ASSET.c.original_value, ASSET.c.funding).where(carried)
    for row in await execute_core(session, query):
        total = sum(part["amount"] for part in row.funding)
        if row.funding and total != row.original_value:
            words = f"资产 {row.id} 原值 {format_yuan(row.original_value)} 元, 资金来源相加是 {format_yuan(total)} 元"
            yield build_difference(DifferenceKind.SUM, "asset", str(row.id), words)


async def read_figures(session: AsyncSession) -> dict[str, dict[str, int]]:
    """Money of assets that was carried from the books of funds, by project in 分."""
    query = sa.select(ASSET.c.project_id, ASSET.c.funding).where(
        ASSET.c.project_id.is_not(None), ASSET.c.funding_carried.is_(True)
    )
    funding: dict[str, int] = {}
    for row in await execute_core(session, query):
        total = sum(part["amount"] for part in row.funding)
        funding[str(row.project_id)] = funding.get(str(row.project_id), 0) + total
    return {"funding": funding}


FSCK = Fsck(
    Base.metadata,
    ProvedTables(
        unproved={
            "import_job": "a table on its way; its records are proved",
            "import_row": "a table on its way; its records are proved",
            "project_card": COPY,
            "code_serial": COPY,
            "import_mapping": COPY,
            "campaign_item": "copied from the register when a stock-taking begins; findings are proved",
            "income_balance": "the running sum of proved postings, compared",
            "asset_delta": COPY,
            "asset_total": COPY,
            "project_delta": COPY,
            "project_total": COPY,
        },
        derived={"asset": frozenset({"funding_known", "funding_asked_at"})},
        stated={
            "asset": (
                "name",
                "region",
                "state",
                "use",
                "original_value",
                "adjusted",
                "project_id",
                "funding",
            ),
            "value_adjustment": ("asset_id", "kind", "amount", "state"),
            "income_posting": ("mark", "region", "account", "amount", "happened_on"),
            "receipt": ("amount",),
            "payout": ("amount",),
        },
    ),
    checks=(check_values, check_income, check_funding),
    read_figures=read_figures,
)
