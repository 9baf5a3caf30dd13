"""Assets: what public money built stays known, kept, used and earning."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.assets.alerts.router import router as alerts
from services.assets.alerts.service import sweep
from services.assets.book.router import router as book
from services.assets.campaigns.router import router as campaigns
from services.assets.certificates.router import router as certificates
from services.assets.chain.router import router as chain
from services.assets.consumers import HANDLERS
from services.assets.contracts.money_router import router as money
from services.assets.contracts.router import router as contracts
from services.assets.disposals import router as disposals
from services.assets.distributions import router as distributions
from services.assets.funding.router import router as funding
from services.assets.funding.service import fill
from services.assets.imports.router import router as imports
from services.assets.inspections.router import router as inspections
from services.assets.keeping.router import router as keeping
from services.assets.labels.router import router as labels
from services.assets.maps.router import router as maps
from services.assets.register import router as register
from services.assets.repairs.router import router as repairs
from services.assets.reshaping.router import router as reshaping
from services.assets.revivals.router import router as revivals
from services.assets.sums.router import router as sums
from services.assets.totals.service import fold
from services.assets.transfers import router as transfers
from services.assets.visits.router import router as visits
from shared import clock
from shared.alerts.sweep import EVERY_S
from shared.app import Service, build
from shared.notices.router import of_service
from shared.permissions import May
from shared.rounds import forever
from shared.settings import Settings

board = of_service("/assets", read=May.ASSET_READ, post=May.ASSET_NOTICE, objecting=May.ASSET_OBJECT)

SERVICE = Service(
    name="assets",
    title="项目资产",
    read=May.ASSET_READ,
    # Addresses of one word come before /assets/{asset_id}, verbs last.
    routers=(
        board,
        chain,
        sums,
        imports,
        labels,
        certificates,
        maps,
        transfers.router,
        transfers.notices,
        transfers.verbs,
        distributions.router,
        distributions.notices,
        distributions.verbs,
        disposals.router,
        disposals.notices,
        disposals.verbs,
        revivals,
        campaigns,
        alerts,
        money,
        contracts,
        book,
        keeping,
        repairs,
        visits,
        inspections,
        reshaping,
        funding,
        register.router,
        register.notices,
        register.verbs,
    ),
    handlers=HANDLERS,
    background=(
        forever("funding", fill, 60),
        forever("alerts", sweep, EVERY_S),
        forever("totals", fold, 5),
    ),
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """The assets service."""
    return build(SERVICE, settings, apps=apps, now=now)
