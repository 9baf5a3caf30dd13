"""Machine clients: made, narrowed, given another secret. A secret is answered once and never again."""

import secrets as random
from collections.abc import Sequence

from services.identity.accounts import service as accounts
from services.identity.accounts.models import Account
from services.identity.accounts.passwords import hashed
from services.identity.accounts.schemas import GrantWrite
from services.identity.clients.schemas import ClientChange, ClientCreate, ClientRead, ClientSecret
from shared.http import Match
from shared.permissions import May, Role
from shared.work import Work

MACHINE = "machine"


async def shown(work: Work, rows: Sequence[Account]) -> list[ClientRead]:
    """Clients as those who keep them see them."""
    reads = await accounts.shown(work, rows)
    return [
        ClientRead(**read.model_dump(), scopes=row.scopes.split())
        for read, row in zip(reads, rows, strict=True)
    ]


async def add(work: Work, body: ClientCreate) -> ClientSecret:
    """A new client in a region."""
    work.actor.require(May.ACCOUNT_MANAGE, body.region)
    secret = random.token_urlsafe(32)
    kept = await hashed(secret)
    columns = {"name": body.name, "region": body.region, "scopes": _words(body.scopes)}
    grants = [GrantWrite(role=Role.MACHINE, region=body.region)]
    made = await accounts.add(work, body.id, grants, kind=MACHINE, secret=kept, **columns)
    return await _once(work, made, secret)


async def change(work: Work, client_id: str, body: ClientChange, match: Match) -> Account:
    """Other scopes or a pause; counts with the next token, ten minutes at most."""
    found = await accounts.kept(work, client_id, MACHINE, match)
    if body.name is not None:
        found.name = body.name
    if body.scopes is not None:
        found.scopes = _words(body.scopes)
    if body.disabled is not None:
        found.disabled = body.disabled
    await accounts.save(work, found)
    return found


async def renew(work: Work, client_id: str, match: Match) -> ClientSecret:
    """Another secret; the one before ends at once."""
    secret = random.token_urlsafe(32)
    kept = await hashed(secret)
    found = await accounts.kept(work, client_id, MACHINE, match)
    found.secret = kept
    found.failures, found.locked_until = 0, None
    await accounts.save(work, found)
    return await _once(work, found, secret)


async def _once(work: Work, account: Account, secret: str) -> ClientSecret:
    (read,) = await shown(work, [account])
    return ClientSecret(**read.model_dump(), secret=secret)


def _words(scopes: Sequence[May]) -> str:
    return " ".join(sorted(set(scopes)))
