"""Queries over refresh tokens."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, delete, select, update

from services.identity.sessions.models import RefreshToken
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork


async def system_lock_token(work: UnitOfWork, digest: str) -> RefreshToken | None:
    """Find a token by its digest and lock its row until the transaction ends."""
    query = select(RefreshToken).where(RefreshToken.digest == digest).with_for_update()
    return (await work.session.exec(query)).first()


async def system_successor_was_used(work: UnitOfWork, token: RefreshToken) -> bool:
    """Whether a later token of this family was used, which indicates token theft or replay."""
    query = (
        sa.select(sa.func.count())
        .select_from(RefreshToken)
        .where(
            col(RefreshToken.family) == token.family,
            col(RefreshToken.digest) != token.digest,
            col(RefreshToken.issued_at) >= token.used_at,
            col(RefreshToken.used_at).isnot(None),
        )
    )
    return bool((await execute_core(work.session, query)).scalar_one())


async def system_revoke_family(work: UnitOfWork, family: str) -> None:
    """Revoke every token of a family."""
    statement = update(RefreshToken).where(
        col(RefreshToken.family) == family, col(RefreshToken.revoked_at).is_(None)
    )
    await execute_core(work.session, statement.values(revoked_at=work.at))


async def system_revoke_account(work: UnitOfWork, account_id: str) -> None:
    """Revoke every refresh token of an account."""
    statement = update(RefreshToken).where(
        col(RefreshToken.account_id) == account_id, col(RefreshToken.revoked_at).is_(None)
    )
    await execute_core(work.session, statement.values(revoked_at=work.at))


async def system_delete_expired_tokens(work: UnitOfWork, before: datetime) -> int:
    """Delete tokens that expired before a time; return how many there were."""
    statement = delete(RefreshToken).where(col(RefreshToken.expires_at) < before)
    return (await execute_core(work.session, statement)).rowcount
