"""The assets service (资产管理): its routers, event handlers and background tasks."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.assets.alerts.detectors import DETECTORS
from services.assets.alerts.models import ALERTS
from services.assets.alerts.router import ALERT_KIND
from services.assets.alerts.router import router as alert_router
from services.assets.alerts.service import scan_alerts
from services.assets.amendments.router import CONTRACT_AMENDMENT_KIND
from services.assets.amendments.router import router as amendment_router
from services.assets.book import router as book
from services.assets.book.router import ADJUSTMENT_KIND
from services.assets.book.service import fill_missing_funding
from services.assets.campaigns.router import CAMPAIGN_KIND
from services.assets.campaigns.router import router as campaign_router
from services.assets.composition import COMPOSITION
from services.assets.consumers import ACCOUNT_COPIES, HANDLERS
from services.assets.contracts import router as contracts
from services.assets.contracts.router import OPERATING_CONTRACT_KIND, RECEIPT_KIND, RECEIVABLE_KIND
from services.assets.custody import router as custody
from services.assets.custody.router import ASSET_FOLLOW_UP_KIND, INSPECTION_KIND
from services.assets.deposits.router import DEPOSIT_KIND
from services.assets.deposits.router import router as deposit_router
from services.assets.disposals import router as disposals
from services.assets.disposals.models import Disposal
from services.assets.disposals.router import DISPOSAL_KIND, REVIVAL_KIND
from services.assets.disposals.service import NOTICE_KIND as DISPOSAL_NOTICE_KIND
from services.assets.distributions import router as distributions
from services.assets.distributions.models import Distribution
from services.assets.distributions.router import DISTRIBUTION_KIND
from services.assets.distributions.service import NOTICE_KIND as DISTRIBUTION_NOTICE_KIND
from services.assets.fsck import FSCK
from services.assets.imports import router as imports
from services.assets.labels import router as labels
from services.assets.person_requests.router import PERSON_REQUEST_KIND
from services.assets.person_requests.router import router as person_request_router
from services.assets.pledges.router import PLEDGE_KIND
from services.assets.pledges.router import router as pledge_router
from services.assets.policy import RULES
from services.assets.register import router as register
from services.assets.register.models import NOTICE_KIND as ASSET_NOTICE_KIND
from services.assets.register.models import Asset
from services.assets.register.router import ASSET_KIND
from services.assets.register.service import list_fund_codes, list_level_codes, list_subclass_codes
from services.assets.repairs.router import REPAIR_KIND
from services.assets.repairs.router import router as repair_router
from services.assets.repairs.service import REPAIR_CONTACT
from services.assets.split_merge.router import router as split_merge_router
from services.assets.summary import router as summary
from services.assets.summary.service import apply_deltas
from services.assets.transfers import router as transfers
from services.assets.transfers.models import Transfer
from services.assets.transfers.router import TRANSFER_KIND
from services.assets.transfers.service import NOTICE_KIND as TRANSFER_NOTICE_KIND
from shared import clock
from shared.alerts.deadlines import watch_deadlines
from shared.alerts.detection import list_detector_rules
from shared.alerts.follower import FOLLOW_INTERVAL_S, follow_log
from shared.alerts.scan import REST_FACTOR, SCAN_INTERVAL_S
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.imports.service import run_next_batch
from shared.notices.repository import SubjectAuthors
from shared.notices.router import notice_kind, service_notice_router
from shared.person_requests.accounts import account_duties_router
from shared.settings import Settings

NOTICE_AUTHORS = {
    ASSET_NOTICE_KIND: SubjectAuthors(Asset, ("created_by", "registered_by")),
    DISPOSAL_NOTICE_KIND: SubjectAuthors(Disposal, ("created_by", "decided_by")),
    DISTRIBUTION_NOTICE_KIND: SubjectAuthors(Distribution, ("created_by", "submitted_by")),
    TRANSFER_NOTICE_KIND: SubjectAuthors(Transfer, ("created_by", "submitted_by")),
}
"""Subject kind → who decides no objection to such a record, besides who published the notice."""
notice_router = service_notice_router(
    "/assets",
    read=May.ASSET_READ,
    post=May.ASSET_NOTICE,
    objecting=May.ASSET_OBJECT,
    authors=NOTICE_AUTHORS,
)

SERVICE = Service(
    name="assets",
    fsck=FSCK,
    title="项目资产",
    read=May.ASSET_READ,
    composition=COMPOSITION,
    # Fixed paths must come before /assets/{asset_id}, and /{asset_id}/{action} last.
    routers=(
        notice_router,
        summary.thread_router,
        summary.router,
        register.import_router,
        imports.router,
        person_request_router,
        labels.router,
        labels.certificate_router,
        register.map_router,
        transfers.router,
        transfers.notice_router,
        transfers.transition_router,
        distributions.router,
        distributions.notice_router,
        distributions.transition_router,
        disposals.router,
        disposals.notice_router,
        disposals.transition_router,
        disposals.revival_router,
        campaign_router,
        alert_router,
        amendment_router,
        deposit_router,
        pledge_router,
        contracts.income_router,
        contracts.router,
        book.router,
        custody.keeper_router,
        repair_router,
        custody.follow_up_router,
        custody.inspection_router,
        split_merge_router,
        book.funding_router,
        register.router,
        register.notice_router,
        register.transition_router,
    ),
    code_sets={
        "assets.subclasses": list_subclass_codes,
        "assets.levels": list_level_codes,
        "assets.funds": list_fund_codes,
    },
    kinds=(
        ASSET_KIND,
        ALERT_KIND,
        CAMPAIGN_KIND,
        OPERATING_CONTRACT_KIND,
        CONTRACT_AMENDMENT_KIND,
        DEPOSIT_KIND,
        PLEDGE_KIND,
        RECEIVABLE_KIND,
        RECEIPT_KIND,
        DISTRIBUTION_KIND,
        DISPOSAL_KIND,
        REVIVAL_KIND,
        TRANSFER_KIND,
        INSPECTION_KIND,
        ASSET_FOLLOW_UP_KIND,
        REPAIR_KIND,
        ADJUSTMENT_KIND,
        imports.IMPORT_KIND,
        PERSON_REQUEST_KIND,
        notice_kind(
            "asset_notice",
            "资产公示",
            "/assets",
            read=May.ASSET_READ,
            post=May.ASSET_NOTICE,
            authors=NOTICE_AUTHORS,
        ),
    ),
    internal_routers=(account_duties_router(ACCOUNT_COPIES),),
    handlers=HANDLERS,
    background=(
        run_periodically("funding", fill_missing_funding, 60),
        run_periodically("imports", partial(run_next_batch, imports.IMPORTS), 2, follows_writes=True),
        run_periodically("alerts", partial(scan_alerts, rest=REST_FACTOR), SCAN_INTERVAL_S),
        run_periodically(
            "alerts after events", follow_log(ALERTS, DETECTORS), FOLLOW_INTERVAL_S, follows_writes=True
        ),
        watch_deadlines(ALERTS, DETECTORS),
        run_periodically("totals", apply_deltas, 5, follows_writes=True),
    ),
    expiring=(REPAIR_CONTACT,),
    rules=(*RULES, *list_detector_rules(DETECTORS)),
    rule_permission=May.ASSET_RULE_MANAGE,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Create the ASGI application of the assets service."""
    return build_app(SERVICE, settings, apps=apps, now=now)
