"""Files service: takes photos and documents in pieces over bad lines (tus 1.0), for all services. Assembles its app."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.files.consumers import HANDLERS
from services.files.fsck import FSCK
from services.files.policy import RULES
from services.files.uploads.router import internal_router
from services.files.uploads.router import router as uploads
from services.files.uploads.service import delete_expired_uploads
from shared import clock
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.settings import Settings

TIDY_PAUSE_S = 600

SERVICE = Service(
    name="files",
    fsck=FSCK,
    title="文件",
    read=May.FILE_READ,
    routers=(uploads,),
    internal_routers=(internal_router,),
    handlers=HANDLERS,
    rules=RULES,
    rule_permission=May.FILE_RULE_MANAGE,
    background=(run_periodically("expired uploads", delete_expired_uploads, TIDY_PAUSE_S),),
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Build the files app; `apps` are other services in the same process, `now` is the clock."""
    return build_app(SERVICE, settings, apps=apps, now=now)
