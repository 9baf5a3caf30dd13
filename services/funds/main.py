"""The funds service: uvicorn --factory services.funds.main:create_app."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.funds import consumers
from services.funds.allocations import router as allocations
from services.funds.chain import router as chain
from services.funds.commitments import router as commitments
from services.funds.commitments.service import reconcile_forever
from services.funds.contracts import router as contracts
from services.funds.ledger import router as ledger
from services.funds.payments import router as payments
from services.funds.plans import router as plans
from services.funds.plans.service import subject
from services.funds.sources import router as sources
from shared import clock
from shared.app import Service, build
from shared.notices.router import of_record, of_service
from shared.permissions import May
from shared.settings import Settings

FUNDS = Service(
    name="funds",
    title="资金",
    read=May.FUND_READ,
    routers=(
        of_service("/funds", read=May.FUND_READ, post=May.FUND_NOTICE, objecting=May.FUND_OBJECT),
        of_record("/funds/plans", load=subject, read=May.FUND_READ, post=May.FUND_NOTICE),
        sources.router,
        plans.router,
        allocations.router,
        contracts.router,
        payments.router,
        ledger.router,
        commitments.router,
        chain.router,
    ),
    handlers=consumers.HANDLERS,
    background=(reconcile_forever,),
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """The app."""
    return build(FUNDS, settings, apps=apps, now=now)
