"""Attendance: who is stationed where, who was there, and what they got done."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.attendance.channels.pulling import pull_due
from services.attendance.channels.router import router as channels
from services.attendance.check_ins.express import CHECK_IN
from services.attendance.check_ins.router import router as check_ins
from services.attendance.complaints.router import router as complaints
from services.attendance.days.follow import follow_forever, recount_forever, ripen_forever
from services.attendance.days.router import router as days
from services.attendance.deeds.router import router as deeds
from services.attendance.devices.router import router as devices
from services.attendance.dingtalk.router import router as dingtalk
from services.attendance.duties.router import router as duties
from services.attendance.errands.router import router as errands
from services.attendance.imports.router import router as imports
from services.attendance.leaves.router import router as leaves
from services.attendance.make_ups.router import router as make_ups
from services.attendance.messages.router import router as messages
from services.attendance.months.router import router as months
from services.attendance.own.router import router as own
from services.attendance.policy import SHAPES
from services.attendance.posts.router import router as posts
from services.attendance.reviews.router import router as reviews
from services.attendance.spot_checks.router import router as spot_checks
from services.attendance.statistics.router import router as statistics
from services.attendance.summary.router import router as summary
from services.attendance.swaps.router import router as swaps
from services.attendance.teams.router import router as teams
from services.attendance.visits.router import router as visits
from shared import clock
from shared.app import Service, build
from shared.permissions import May
from shared.rounds import forever
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
        swaps,
        spot_checks,
        days,
        own,
        months,
        messages,
        devices,
        visits,
        deeds,
        statistics,
        summary,
        complaints,
        imports,
        channels,
        dingtalk,
    ),
    background=(follow_forever, ripen_forever, recount_forever, forever("pulls", pull_due, 5)),
    rule_shapes=SHAPES,
    express=(CHECK_IN,),
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """The attendance service."""
    return build(SERVICE, settings, apps=apps, now=now)
