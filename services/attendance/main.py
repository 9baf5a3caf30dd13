"""Attendance: who is stationed where, who was there, and what they got done."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.attendance.check_ins.router import router as check_ins
from services.attendance.deeds.router import router as deeds
from services.attendance.policy import SHAPES
from services.attendance.posts.router import router as posts
from services.attendance.summary.router import router as summary
from services.attendance.teams.router import router as teams
from services.attendance.visits.router import router as visits
from shared import clock
from shared.app import Service, build
from shared.permissions import May
from shared.settings import Settings

SERVICE = Service(
    name="attendance",
    title="驻村",
    read=May.PRESENCE_READ,
    routers=(check_ins, posts, teams, visits, deeds, summary),
    rule_shapes=SHAPES,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """The attendance service."""
    return build(SERVICE, settings, apps=apps, now=now)
