"""The rectification service (整改台账): its routers, kinds and background tasks."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.rectification.alerts.detectors import DETECTORS
from services.rectification.alerts.models import ALERTS
from services.rectification.alerts.router import ALERT_KIND
from services.rectification.alerts.router import router as alerts
from services.rectification.alerts.service import scan_alerts
from services.rectification.composition import COMPOSITION
from services.rectification.fsck import FSCK
from services.rectification.imports.models import ItemImport
from services.rectification.imports.router import IMPORT_KIND, IMPORTS
from services.rectification.imports.router import router as imports
from services.rectification.items.router import ITEM_KIND, summary_router
from services.rectification.items.router import router as items
from services.rectification.person_requests.router import PERSON_REQUEST_KIND
from services.rectification.person_requests.router import router as person_requests
from services.rectification.policy import RULES
from shared import clock
from shared.alerts.deadlines import watch_deadlines
from shared.alerts.detection import list_detector_rules
from shared.alerts.follower import FOLLOW_INTERVAL_S, follow_log
from shared.alerts.scan import REST_FACTOR, SCAN_INTERVAL_S
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.clients.identity import AccountErased
from shared.imports.service import run_next_batch
from shared.person_requests.accounts import (
    AccountCopies,
    account_duties_router,
    alert_duty,
    handle_account_erased,
    import_rows,
)
from shared.settings import Settings

ACCOUNT_COPIES = AccountCopies(duties=(alert_duty(ALERTS),), rows=(import_rows(ItemImport),))
"""What is kept of people with accounts: alerts they have to answer, their names in imports."""
SERVICE = Service(
    name="rectification",
    fsck=FSCK,
    title="问题整改",
    read=May.RECTIFICATION_READ,
    composition=COMPOSITION,
    routers=(summary_router, alerts, imports, person_requests, items),
    kinds=(ITEM_KIND, IMPORT_KIND, ALERT_KIND, PERSON_REQUEST_KIND),
    handlers={AccountErased.topic: handle_account_erased(ACCOUNT_COPIES)},
    internal_routers=(account_duties_router(ACCOUNT_COPIES),),
    background=(
        run_periodically("imports", partial(run_next_batch, IMPORTS), 2, follows_writes=True),
        run_periodically("alerts", partial(scan_alerts, rest=REST_FACTOR), SCAN_INTERVAL_S),
        run_periodically(
            "alerts after events", follow_log(ALERTS, DETECTORS), FOLLOW_INTERVAL_S, follows_writes=True
        ),
        watch_deadlines(ALERTS, DETECTORS),
    ),
    rules=(*RULES, *list_detector_rules(DETECTORS)),
    rule_permission=May.RECTIFICATION_RULE_MANAGE,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Create the ASGI application of the rectification service."""
    return build_app(SERVICE, settings, apps=apps, now=now)
