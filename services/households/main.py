"""The households service (防返贫监测): its routers, kinds and background tasks."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.households.alerts.detectors import DETECTORS
from services.households.alerts.models import ALERTS
from services.households.alerts.router import ALERT_KIND
from services.households.alerts.router import router as alerts
from services.households.alerts.service import scan_alerts
from services.households.clues.router import CLUE_KIND
from services.households.clues.router import router as clues
from services.households.composition import COMPOSITION
from services.households.fsck import FSCK
from services.households.help import router as help_pages
from services.households.households import router as households
from services.households.households.models import Household
from services.households.households.router import HOUSEHOLD_KIND
from services.households.households.service import NOTICE_KIND
from services.households.imports.router import IMPORT_KIND, IMPORTS
from services.households.imports.router import router as imports
from services.households.jobs.router import JOB_KIND
from services.households.jobs.router import router as jobs
from services.households.loans.router import LOAN_KIND
from services.households.loans.router import router as loans
from services.households.measures.router import MEASURE_KIND
from services.households.measures.router import router as measures
from services.households.person_requests.repository import ACCOUNT_COPIES
from services.households.person_requests.router import PERSON_REQUEST_KIND
from services.households.person_requests.router import router as person_requests
from services.households.policy import RULES
from shared import clock
from shared.alerts.deadlines import watch_deadlines
from shared.alerts.detection import list_detector_rules
from shared.alerts.follower import FOLLOW_INTERVAL_S, follow_log
from shared.alerts.scan import REST_FACTOR, SCAN_INTERVAL_S
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.clients.identity import AccountErased
from shared.imports.service import run_next_batch
from shared.notices.repository import SubjectAuthors
from shared.notices.router import notice_kind, service_notice_router
from shared.person_requests.accounts import account_duties_router, handle_account_erased
from shared.settings import Settings

NOTICE_AUTHORS = {NOTICE_KIND: SubjectAuthors(Household, ("created_by", "proposed_by"))}
"""Who decides no objection to a household, besides who published the notice."""
notice_router = service_notice_router(
    "/households",
    read=May.HOUSEHOLD_READ,
    post=May.HOUSEHOLD_NOTICE,
    objecting=May.HOUSEHOLD_OBJECT,
    authors=NOTICE_AUTHORS,
)

SERVICE = Service(
    name="households",
    fsck=FSCK,
    title="防返贫监测",
    read=May.HOUSEHOLD_READ,
    composition=COMPOSITION,
    # Fixed paths must come before /households/{household_id}, and /{household_id}/{action} last.
    routers=(
        notice_router,
        households.summary_router,
        help_pages.summary_router,
        alerts,
        clues,
        imports,
        person_requests,
        measures,
        loans,
        jobs,
        help_pages.router,
        households.router,
        households.notice_router,
        households.transition_router,
    ),
    kinds=(
        CLUE_KIND,
        HOUSEHOLD_KIND,
        MEASURE_KIND,
        LOAN_KIND,
        JOB_KIND,
        IMPORT_KIND,
        PERSON_REQUEST_KIND,
        ALERT_KIND,
        notice_kind(
            "household_notice",
            "监测公示",
            "/households",
            read=May.HOUSEHOLD_READ,
            post=May.HOUSEHOLD_NOTICE,
            authors=NOTICE_AUTHORS,
        ),
    ),
    background=(
        run_periodically("imports", partial(run_next_batch, IMPORTS), 2, follows_writes=True),
        run_periodically("alerts", partial(scan_alerts, rest=REST_FACTOR), SCAN_INTERVAL_S),
        run_periodically(
            "alerts after events", follow_log(ALERTS, DETECTORS), FOLLOW_INTERVAL_S, follows_writes=True
        ),
        watch_deadlines(ALERTS, DETECTORS),
    ),
    handlers={AccountErased.topic: handle_account_erased(ACCOUNT_COPIES)},
    internal_routers=(households.internal_router, account_duties_router(ACCOUNT_COPIES)),
    rules=(*RULES, *list_detector_rules(DETECTORS)),
    rule_permission=May.HOUSEHOLD_RULE_MANAGE,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Create the ASGI application of the households service."""
    return build_app(SERVICE, settings, apps=apps, now=now)
