"""Funds: where public money comes from, how it is distributed, paid and proven, to the 分."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.funds.alerts.router import router as alerts
from services.funds.allocations.router import router as allocations
from services.funds.batches.router import router as batches
from services.funds.chain.router import router as chain
from services.funds.commitments.router import router as commitments
from services.funds.commitments.service import reconcile
from services.funds.consumers import HANDLERS
from services.funds.contracts.router import router as contracts
from services.funds.disclosure.router import router as disclosure
from services.funds.exchange.router import router as exchange
from services.funds.exchange.settling import settle_ready
from services.funds.imports.router import router as imports
from services.funds.ledger.router import router as ledger
from services.funds.oversight.router import router as oversight
from services.funds.payments.router import router as payments
from services.funds.plans.router import router as plans
from services.funds.plans.service import announced_subject
from services.funds.sources.router import router as sources
from services.funds.statements.router import router as statements
from services.funds.targets.router import board as public_targets
from services.funds.targets.router import router as targets
from services.funds.watching.service import sweep
from services.funds.years.router import router as years
from shared import clock
from shared.alerts.sweep import EVERY_S
from shared.app import Service, build
from shared.notices.router import of_record, of_service
from shared.permissions import May
from shared.rounds import forever
from shared.settings import Settings

plan_notices = of_record("/funds/plans", load=announced_subject, read=May.FUND_READ, post=May.FUND_NOTICE)
notices = of_service("/funds", read=May.FUND_READ, post=May.FUND_NOTICE, objecting=May.FUND_OBJECT)

SERVICE = Service(
    name="funds",
    title="资金",
    read=May.FUND_READ,
    routers=(
        chain,
        sources,
        allocations,
        batches,
        payments,
        contracts,
        ledger,
        commitments,
        disclosure,
        imports,
        plan_notices,
        notices,
        targets,
        public_targets,
        alerts,
        exchange,
        statements,
        oversight,
        plans,
        years,
    ),
    handlers=HANDLERS,
    background=(
        forever("reconcile", reconcile, 15),
        forever("settle", settle_ready, 10),
        forever("alerts", sweep, EVERY_S),
    ),
    webhooks=May.EXCHANGE,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """The funds service."""
    return build(SERVICE, settings, apps=apps, now=now)
