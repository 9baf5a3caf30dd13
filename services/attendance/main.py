"""Attendance service: assignments, check-ins, evaluated days, leave and support work. Assembles its app."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.attendance.check_ins.fast_path import FastPathMiddleware
from services.attendance.check_ins.router import CHECK_IN_KIND
from services.attendance.check_ins.router import router as check_ins
from services.attendance.complaints.router import COMPLAINT_KIND, OBJECTION_KIND
from services.attendance.complaints.router import router as complaints
from services.attendance.complaints.service import COMPLAINT_CONTACT, list_switches
from services.attendance.composition import COMPOSITION
from services.attendance.consumers import HANDLERS
from services.attendance.days.consumers import run_projection, run_recalculations, run_refresh
from services.attendance.days.router import DAY_KIND
from services.attendance.days.router import router as days
from services.attendance.duties.router import DUTY_KIND, SWAP_KIND, swaps_router
from services.attendance.duties.router import router as duties
from services.attendance.entitlements.router import ENTITLEMENT_KIND, balances_router
from services.attendance.entitlements.router import router as entitlements
from services.attendance.errands.router import ERRAND_KIND
from services.attendance.errands.router import router as errands
from services.attendance.field_days.router import router as field_days
from services.attendance.fsck import FSCK
from services.attendance.groups.router import GROUP_KIND, GROUP_MEMBER_KIND
from services.attendance.groups.router import router as groups
from services.attendance.imports.router import (
    CHANNEL_KIND,
    EXTERNAL_ACCOUNT_KIND,
    IMPORT_RUN_KIND,
    channels_router,
    dingtalk_root_router,
    dingtalk_router,
)
from services.attendance.imports.router import router as imports
from services.attendance.imports.service import run_due_pull
from services.attendance.leaves.router import DELEGATION_KIND, LEAVE_KIND
from services.attendance.leaves.router import router as leaves
from services.attendance.make_ups.router import MAKE_UP_KIND
from services.attendance.make_ups.router import router as make_ups
from services.attendance.messages.router import MESSAGE_KIND
from services.attendance.messages.router import router as messages
from services.attendance.months.router import MONTH_SHEET_KIND, own_router
from services.attendance.months.router import router as months
from services.attendance.person_requests.router import PERSON_REQUEST_KIND
from services.attendance.person_requests.router import router as person_requests
from services.attendance.personal import ACCOUNT_COPIES
from services.attendance.policy import RULES
from services.attendance.posts.router import ASSIGNMENT_KIND, DEVICE_KIND, POST_KIND, devices_router
from services.attendance.posts.router import router as posts
from services.attendance.reviews.router import REVIEW_KIND
from services.attendance.reviews.router import router as reviews
from services.attendance.spot_checks.router import DRAWN_KIND, SPOT_CHECK_KIND
from services.attendance.spot_checks.router import router as spot_checks
from services.attendance.statistics.router import router as statistics
from services.attendance.statistics.router import summary_router
from services.attendance.table_imports.router import IMPORT_KIND, IMPORTS
from services.attendance.table_imports.router import router as table_imports
from services.attendance.teams.router import MEMBER_KIND, TEAM_KIND, UNIT_KIND
from services.attendance.teams.router import router as teams
from services.attendance.visits.router import (
    DEED_KIND,
    FOLLOW_UP_KIND,
    TRAINING_KIND,
    VISIT_KIND,
    deeds_router,
)
from services.attendance.visits.router import router as visits
from shared import clock
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.imports.service import run_next_batch
from shared.person_requests.accounts import account_duties_router
from shared.settings import Settings

SERVICE = Service(
    name="attendance",
    fsck=FSCK,
    title="驻村",
    read=May.PRESENCE_READ,
    composition=COMPOSITION,
    routers=(
        check_ins,
        reviews,
        posts,
        groups,
        teams,
        leaves,
        entitlements,
        balances_router,
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
        table_imports,
        person_requests,
        channels_router,
        dingtalk_router,
    ),
    kinds=(
        CHECK_IN_KIND,
        DAY_KIND,
        REVIEW_KIND,
        POST_KIND,
        ASSIGNMENT_KIND,
        GROUP_KIND,
        GROUP_MEMBER_KIND,
        DEVICE_KIND,
        LEAVE_KIND,
        DELEGATION_KIND,
        ENTITLEMENT_KIND,
        ERRAND_KIND,
        MAKE_UP_KIND,
        DUTY_KIND,
        SWAP_KIND,
        SPOT_CHECK_KIND,
        DRAWN_KIND,
        MESSAGE_KIND,
        MONTH_SHEET_KIND,
        VISIT_KIND,
        FOLLOW_UP_KIND,
        DEED_KIND,
        TRAINING_KIND,
        UNIT_KIND,
        TEAM_KIND,
        MEMBER_KIND,
        COMPLAINT_KIND,
        OBJECTION_KIND,
        IMPORT_RUN_KIND,
        CHANNEL_KIND,
        EXTERNAL_ACCOUNT_KIND,
        IMPORT_KIND,
        PERSON_REQUEST_KIND,
    ),
    open_routers=(dingtalk_root_router,),
    internal_routers=(field_days, account_duties_router(ACCOUNT_COPIES)),
    handlers=HANDLERS,
    switches=list_switches,
    background=(
        run_projection,
        run_refresh,
        run_recalculations,
        run_periodically("pulls", run_due_pull, 5),
        run_periodically("imports", partial(run_next_batch, IMPORTS), 2, follows_writes=True),
    ),
    expiring=(COMPLAINT_CONTACT,),
    rules=RULES,
    rule_permission=May.PRESENCE_RULE_MANAGE,
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
