"""Attendance service: assignments, check-ins, evaluated days, leave and support work. Assembles its app."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.attendance.check_ins.fast_path import FastPathMiddleware
from services.attendance.check_ins.router import router as check_ins
from services.attendance.complaints.router import router as complaints
from services.attendance.days.consumers import run_projection, run_recalculations, run_refresh
from services.attendance.days.router import router as days
from services.attendance.duties.router import router as duties
from services.attendance.duties.router import swaps_router
from services.attendance.errands.router import router as errands
from services.attendance.imports.router import channels_router, dingtalk_router
from services.attendance.imports.router import router as imports
from services.attendance.imports.service import run_due_pull
from services.attendance.leaves.router import router as leaves
from services.attendance.make_ups.router import router as make_ups
from services.attendance.messages.router import router as messages
from services.attendance.months.router import own_router
from services.attendance.months.router import router as months
from services.attendance.policy import RULE_MODELS
from services.attendance.posts.router import devices_router
from services.attendance.posts.router import router as posts
from services.attendance.reviews.router import router as reviews
from services.attendance.spot_checks.router import router as spot_checks
from services.attendance.statistics.router import router as statistics
from services.attendance.statistics.router import summary_router
from services.attendance.teams.router import router as teams
from services.attendance.visits.router import deeds_router
from services.attendance.visits.router import router as visits
from shared import clock
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.settings import Settings

SERVICE = Service(
    name="attendance",
    title="驻村",
    read=May.PRESENCE_READ,
    routers=(
        check_ins,
        reviews,
        posts,
        teams,
        leaves,
        errands,
        make_ups,
        duties,
        swaps_router,
        spot_checks,
        days,
        own_router,
        months,
        messages,
        devices_router,
        visits,
        deeds_router,
        statistics,
        summary_router,
        complaints,
        imports,
        channels_router,
        dingtalk_router,
    ),
    background=(run_projection, run_refresh, run_recalculations, run_periodically("pulls", run_due_pull, 5)),
    rule_shapes=RULE_MODELS,
    middleware=((FastPathMiddleware, lambda context: {"context": context}),),
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Builds the attendance app; `apps` are other services in the same process, `now` is the clock."""
    return build_app(SERVICE, settings, apps=apps, now=now)
