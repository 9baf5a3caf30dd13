"""Assets: what public money built stays known, kept, used and earning."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.assets.alerts.detectors import scan_alerts
from services.assets.alerts.router import router as alerts
from services.assets.book.router import funding_router as funding
from services.assets.book.router import router as book
from services.assets.book.service import fill_missing_funding
from services.assets.campaigns.router import router as campaigns
from services.assets.consumers import HANDLERS
from services.assets.contracts.router import income_router as money
from services.assets.contracts.router import router as contracts
from services.assets.custody.router import follow_up_router as visits
from services.assets.custody.router import inspection_router as inspections
from services.assets.custody.router import keeper_router as keeping
from services.assets.disposals import router as disposals
from services.assets.disposals.router import revival_router as revivals
from services.assets.distributions import router as distributions
from services.assets.labels.router import certificate_router as certificates
from services.assets.labels.router import router as labels
from services.assets.register import router as register
from services.assets.register.router import import_router as imports
from services.assets.register.router import map_router as maps
from services.assets.repairs.router import router as repairs
from services.assets.split_merge.router import router as reshaping
from services.assets.summary.router import router as sums
from services.assets.summary.router import thread_router as chain
from services.assets.summary.service import apply_deltas
from services.assets.transfers import router as transfers
from shared import clock
from shared.alerts.scan import SCAN_INTERVAL_S
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.notices.router import service_notice_router
from shared.settings import Settings

notice_router = service_notice_router(
    "/assets", read=May.ASSET_READ, post=May.ASSET_NOTICE, objecting=May.ASSET_OBJECT
)

SERVICE = Service(
    name="assets",
    title="项目资产",
    read=May.ASSET_READ,
    # Addresses of one word come before /assets/{asset_id}, verbs last.
    routers=(
        notice_router,
        chain,
        sums,
        imports,
        labels,
        certificates,
        maps,
        transfers.router,
        transfers.notice_router,
        transfers.transition_router,
        distributions.router,
        distributions.notice_router,
        distributions.transition_router,
        disposals.router,
        disposals.notice_router,
        disposals.transition_router,
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
        register.notice_router,
        register.transition_router,
    ),
    handlers=HANDLERS,
    background=(
        run_periodically("funding", fill_missing_funding, 60),
        run_periodically("alerts", scan_alerts, SCAN_INTERVAL_S),
        run_periodically("totals", apply_deltas, 5),
    ),
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """The assets service."""
    return build_app(SERVICE, settings, apps=apps, now=now)
