"""Sync service: plays what phones recorded without a signal, and tells them what changed. Assembles its app."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.sync.batches.router import SYNC_BATCH_KIND
from services.sync.batches.router import router as batches
from services.sync.batches.service import delete_old_batches
from services.sync.bootstrap.router import router as bootstrap
from services.sync.changes.router import router as changes
from services.sync.fsck import FSCK
from services.sync.items.router import SYNC_ITEM_KIND
from services.sync.items.router import router as items
from services.sync.items.service import replay_due_items
from services.sync.watermelon.router import router as watermelon
from services.sync.watermelon.service import delete_old_pulls
from shared import clock
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.settings import Settings

REPLAY_PAUSE_S = 15
"""Seconds between two rounds over held items."""
TIDY_PAUSE_S = 3600

SERVICE = Service(
    name="sync",
    fsck=FSCK,
    title="手机同步",
    read=May.SYNC_READ,
    routers=(batches, items, changes, bootstrap, watermelon),
    kinds=(SYNC_BATCH_KIND, SYNC_ITEM_KIND),
    background=(
        run_periodically("held items", replay_due_items, REPLAY_PAUSE_S),
        run_periodically("old batches", delete_old_batches, TIDY_PAUSE_S),
        run_periodically("old pulls", delete_old_pulls, TIDY_PAUSE_S),
    ),
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Build the sync app; `apps` are other services in the same process, `now` is the clock."""
    return build_app(SERVICE, settings, apps=apps, now=now)
