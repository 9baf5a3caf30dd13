"""Identity service: accounts, role grants, organisations, the region tree and tokens."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.identity.account_imports.router import router as account_imports
from services.identity.accounts.router import ACCOUNT_KIND, CLIENT_KIND
from services.identity.accounts.router import clients_router as clients
from services.identity.accounts.router import router as accounts
from services.identity.demo_accounts import seed_demo_accounts
from services.identity.device_keys.router import internal_router as actors
from services.identity.device_keys.router import router as device_keys
from services.identity.fsck import FSCK
from services.identity.handovers.router import HANDOVER_KIND
from services.identity.handovers.router import router as handovers
from services.identity.issuers.router import router as issuers
from services.identity.keys.router import router as keys
from services.identity.organisations.router import ORGANISATION_KIND
from services.identity.organisations.router import router as organisations
from services.identity.passkeys.router import router as passkeys
from services.identity.person_requests.router import PERSON_REQUEST_KIND
from services.identity.person_requests.router import router as person_requests
from services.identity.policy import RULES
from services.identity.rate_windows.router import router as rate_windows
from services.identity.rate_windows.service import purge_windows
from services.identity.regions.router import REGION_KIND, SUCCESSION_KIND
from services.identity.regions.router import router as regions
from services.identity.rule_proposals.router import RULE_PROPOSAL_KIND
from services.identity.rule_proposals.router import router as rule_proposals
from services.identity.second_factors.router import router as second_factors
from services.identity.second_factors.router import users_router as user_factors
from services.identity.sessions.router import internal_router as revocations
from services.identity.sessions.router import router as sessions
from services.identity.sessions.router import sessions_router as user_sessions
from services.identity.sessions.router import sign_ins_router as sign_ins
from services.identity.sessions.service import delete_expired_tokens, purge_old_sessions
from shared import clock
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.settings import Settings

PURGE_PAUSE_S = 3600
"""Seconds between two rounds that delete what has expired."""

SERVICE = Service(
    name="identity",
    fsck=FSCK,
    title="账号与区划",
    read=May.ACCOUNT_READ,
    routers=(
        sessions,
        second_factors,
        passkeys,
        device_keys,
        account_imports,
        accounts,
        user_sessions,
        user_factors,
        handovers,
        issuers,
        clients,
        organisations,
        regions,
        rule_proposals,
        person_requests,
    ),
    kinds=(
        ACCOUNT_KIND,
        CLIENT_KIND,
        ORGANISATION_KIND,
        REGION_KIND,
        SUCCESSION_KIND,
        RULE_PROPOSAL_KIND,
        HANDOVER_KIND,
        PERSON_REQUEST_KIND,
    ),
    open_routers=(keys,),
    internal_routers=(rate_windows, revocations, actors, sign_ins),
    background=(
        run_periodically("expired tokens", delete_expired_tokens, PURGE_PAUSE_S),
        run_periodically("rate windows", purge_windows, 600),
        run_periodically("old sessions", purge_old_sessions, PURGE_PAUSE_S),
    ),
    start=seed_demo_accounts,
    rules=RULES,
    rule_permission=May.SECURITY_MANAGE,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Build the identity app; settings come from the environment when not given."""
    return build_app(SERVICE, settings, apps=apps, now=now)
