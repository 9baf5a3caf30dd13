"""Identity service: accounts, role grants, organisations, the region tree and tokens."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.identity.accounts.router import ACCOUNT_KIND, CLIENT_KIND
from services.identity.accounts.router import clients_router as clients
from services.identity.accounts.router import router as accounts
from services.identity.demo_accounts import seed_demo_accounts
from services.identity.keys.router import router as keys
from services.identity.organisations.router import ORGANISATION_KIND
from services.identity.organisations.router import router as organisations
from services.identity.rate_windows.router import router as rate_windows
from services.identity.rate_windows.service import purge_windows
from services.identity.regions.router import REGION_KIND
from services.identity.regions.router import router as regions
from services.identity.sessions.router import router as sessions
from services.identity.sessions.service import delete_expired_tokens
from shared import clock
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.settings import Settings

EXPIRED_TOKENS_PAUSE_S = 3600
"""Seconds between two rounds that delete expired refresh tokens."""

SERVICE = Service(
    name="identity",
    title="账号与区划",
    read=May.ACCOUNT_READ,
    routers=(sessions, accounts, clients, organisations, regions),
    kinds=(
        ACCOUNT_KIND,
        CLIENT_KIND,
        ORGANISATION_KIND,
        REGION_KIND,
    ),
    open_routers=(keys,),
    internal_routers=(rate_windows,),
    background=(
        run_periodically("expired tokens", delete_expired_tokens, EXPIRED_TOKENS_PAUSE_S),
        run_periodically("rate windows", purge_windows, 600),
    ),
    start=seed_demo_accounts,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Build the identity app; settings come from the environment when not given."""
    return build_app(SERVICE, settings, apps=apps, now=now)
