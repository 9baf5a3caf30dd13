"""Funds service: sources, plans, allocations, payments, ledger, reports."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.funds.alerts.detectors import DETECTORS
from services.funds.alerts.models import ALERTS
from services.funds.alerts.router import ALERT_KIND
from services.funds.alerts.router import router as alerts
from services.funds.alerts.service import scan_alerts
from services.funds.allocations.router import ALLOCATION_KIND
from services.funds.allocations.router import router as allocations
from services.funds.commitments.router import router as commitments
from services.funds.commitments.service import reconcile_commitments
from services.funds.composition import COMPOSITION
from services.funds.consumers import ACCOUNT_COPIES, HANDLERS
from services.funds.contracts.router import CONTRACT_KIND
from services.funds.contracts.router import router as contracts
from services.funds.disclosure.router import router as disclosure
from services.funds.earmarks.router import EARMARK_KIND
from services.funds.earmarks.router import router as earmarks
from services.funds.exchange.router import EXCHANGE_ROW_KIND
from services.funds.exchange.router import router as exchange
from services.funds.exchange.service import retry_ready_rows
from services.funds.fsck import FSCK
from services.funds.imports.router import IMPORT_KIND, IMPORTS
from services.funds.imports.router import router as table_imports
from services.funds.ledger.router import LEDGER_ENTRY_KIND
from services.funds.ledger.router import router as ledger
from services.funds.payments.router import PAYMENT_KIND
from services.funds.payments.router import beneficiary_router as beneficiaries
from services.funds.payments.router import router as payments
from services.funds.person_requests.router import PERSON_REQUEST_KIND
from services.funds.person_requests.router import router as person_requests
from services.funds.plans.document import NOTICE_LAYOUT
from services.funds.plans.models import Plan
from services.funds.plans.router import PLAN_KIND
from services.funds.plans.router import import_router as imports
from services.funds.plans.router import router as plans
from services.funds.plans.service import NOTICE_SUBJECT_KIND, get_announceable_subject
from services.funds.policy import RULES
from services.funds.reports.router import oversight_router as oversight
from services.funds.reports.router import router as reports
from services.funds.sources.router import SOURCE_KIND
from services.funds.sources.router import router as sources
from services.funds.statements.router import STATEMENT_KIND
from services.funds.statements.router import router as statements
from services.funds.targets.router import TARGET_KIND
from services.funds.targets.router import public_router as public_targets
from services.funds.targets.router import router as targets
from services.funds.years.router import router as years
from shared import clock
from shared.alerts.deadlines import watch_deadlines
from shared.alerts.detection import list_detector_rules
from shared.alerts.follower import FOLLOW_INTERVAL_S, follow_log
from shared.alerts.scan import REST_FACTOR, SCAN_INTERVAL_S
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.imports.service import run_next_batch
from shared.notices.repository import SubjectAuthors
from shared.notices.router import notice_kind, record_notice_router, service_notice_router
from shared.person_requests.accounts import account_duties_router
from shared.settings import Settings

plan_notices = record_notice_router(
    "/funds/plans", load=get_announceable_subject, read=May.FUND_READ, post=May.FUND_NOTICE
)
NOTICE_AUTHORS = {NOTICE_SUBJECT_KIND: SubjectAuthors(Plan, ("created_by", "submitted_by"))}
"""Who decides no objection to a plan, besides who published the notice."""
notices = service_notice_router(
    "/funds",
    read=May.FUND_READ,
    post=May.FUND_NOTICE,
    objecting=May.FUND_OBJECT,
    authors=NOTICE_AUTHORS,
    layouts={NOTICE_SUBJECT_KIND: NOTICE_LAYOUT},
)

SERVICE = Service(
    name="funds",
    fsck=FSCK,
    title="资金",
    read=May.FUND_READ,
    composition=COMPOSITION,
    routers=(
        reports,
        sources,
        allocations,
        beneficiaries,
        payments,
        contracts,
        ledger,
        commitments,
        disclosure,
        imports,
        table_imports,
        person_requests,
        plan_notices,
        notices,
        targets,
        public_targets,
        alerts,
        exchange,
        statements,
        oversight,
        plans,
        earmarks,
        years,
    ),
    kinds=(
        SOURCE_KIND,
        PLAN_KIND,
        EARMARK_KIND,
        ALLOCATION_KIND,
        PAYMENT_KIND,
        CONTRACT_KIND,
        TARGET_KIND,
        ALERT_KIND,
        STATEMENT_KIND,
        EXCHANGE_ROW_KIND,
        LEDGER_ENTRY_KIND,
        IMPORT_KIND,
        PERSON_REQUEST_KIND,
        notice_kind(
            "fund_notice",
            "资金公示",
            "/funds",
            read=May.FUND_READ,
            post=May.FUND_NOTICE,
            authors=NOTICE_AUTHORS,
        ),
    ),
    internal_routers=(account_duties_router(ACCOUNT_COPIES),),
    handlers=HANDLERS,
    background=(
        run_periodically("reconcile", reconcile_commitments, 15),
        run_periodically("imports", partial(run_next_batch, IMPORTS), 2, follows_writes=True),
        run_periodically("settle", retry_ready_rows, 10),
        run_periodically("alerts", partial(scan_alerts, rest=REST_FACTOR), SCAN_INTERVAL_S),
        run_periodically(
            "alerts after events", follow_log(ALERTS, DETECTORS), FOLLOW_INTERVAL_S, follows_writes=True
        ),
        watch_deadlines(ALERTS, DETECTORS),
    ),
    webhooks=May.WEBHOOK_MANAGE,
    rules=(*RULES, *list_detector_rules(DETECTORS)),
    rule_permission=May.FUND_RULE_MANAGE,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Build the ASGI application of the funds service."""
    return build_app(SERVICE, settings, apps=apps, now=now)
