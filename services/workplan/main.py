"""The workplan service (要点任务): its routers and kinds."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.workplan.composition import COMPOSITION
from services.workplan.fsck import FSCK
from services.workplan.plans.router import WORK_PLAN_KIND
from services.workplan.plans.router import router as plans
from services.workplan.policy import RULES
from services.workplan.targets.router import WORK_TARGET_KIND, paper_router, summary_router
from services.workplan.targets.router import router as targets
from shared import clock
from shared.app import Service, build_app
from shared.auth import May
from shared.settings import Settings

SERVICE = Service(
    name="workplan",
    title="要点任务",
    read=May.WORKPLAN_READ,
    composition=COMPOSITION,
    fsck=FSCK,
    routers=(summary_router, paper_router, plans, targets),
    kinds=(WORK_PLAN_KIND, WORK_TARGET_KIND),
    rules=RULES,
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
