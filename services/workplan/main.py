"""The workplan service (要点任务): its routers, kinds and background tasks."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.workplan.alerts.detectors import DETECTORS
from services.workplan.alerts.models import ALERTS
from services.workplan.alerts.router import ALERT_KIND
from services.workplan.alerts.router import router as alerts
from services.workplan.alerts.service import scan_alerts
from services.workplan.composition import COMPOSITION
from services.workplan.fsck import FSCK
from services.workplan.plans.router import PLAN_ITEM_KIND, WORK_PLAN_KIND, item_router
from services.workplan.plans.router import router as plans
from services.workplan.policy import RULES
from services.workplan.targets.router import WORK_TARGET_KIND, paper_router, summary_router
from services.workplan.targets.router import router as targets
from shared import clock
from shared.alerts.deadlines import watch_deadlines
from shared.alerts.detection import list_detector_rules
from shared.alerts.follower import FOLLOW_INTERVAL_S, follow_log
from shared.alerts.scan import REST_FACTOR, SCAN_INTERVAL_S
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.clients.identity import AccountErased
from shared.person_requests.accounts import (
    AccountCopies,
    account_duties_router,
    alert_duty,
    handle_account_erased,
)
from shared.settings import Settings

ACCOUNT_COPIES = AccountCopies(duties=(alert_duty(ALERTS),))
"""What is kept of people with accounts: alerts they have to answer."""
SERVICE = Service(
    name="workplan",
    title="要点任务",
    read=May.WORKPLAN_READ,
    composition=COMPOSITION,
    fsck=FSCK,
    routers=(summary_router, paper_router, alerts, plans, item_router, targets),
    kinds=(WORK_PLAN_KIND, PLAN_ITEM_KIND, WORK_TARGET_KIND, ALERT_KIND),
    handlers={AccountErased.topic: handle_account_erased(ACCOUNT_COPIES)},
    internal_routers=(account_duties_router(ACCOUNT_COPIES),),
    background=(
        run_periodically("alerts", partial(scan_alerts, rest=REST_FACTOR), SCAN_INTERVAL_S),
        run_periodically(
            "alerts after events", follow_log(ALERTS, DETECTORS), FOLLOW_INTERVAL_S, follows_writes=True
        ),
        watch_deadlines(ALERTS, DETECTORS),
    ),
    rules=(*RULES, *list_detector_rules(DETECTORS)),
    rule_permission=May.WORKPLAN_RULE_MANAGE,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Create the ASGI application of the workplan service."""
    return build_app(SERVICE, settings, apps=apps, now=now)
