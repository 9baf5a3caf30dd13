"""Every query over refresh tokens."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, delete, select, update

from services.identity.sessions.models import RefreshToken
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork


async def system_lock_token(work: UnitOfWork, digest: str) -> RefreshToken | None:
    """The token, locked until this transaction ends."""
    query = select(RefreshToken).where(RefreshToken.digest == digest).with_for_update()
    return (await work.session.exec(query)).first()


async def system_successor_was_used(work: UnitOfWork, token: RefreshToken) -> bool:
    """Whether a token made from this one, or later in its family, was used: then two hands hold the family."""
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
    """Nothing of this family is good any more."""
    open_ones = update(RefreshToken).where(
        col(RefreshToken.family) == family, col(RefreshToken.revoked_at).is_(None)
    )
    await execute_core(work.session, open_ones.values(revoked_at=work.at))


async def system_revoke_account(work: UnitOfWork, account_id: str) -> None:
    """An account is signed out everywhere."""
    theirs = update(RefreshToken).where(
        col(RefreshToken.account_id) == account_id, col(RefreshToken.revoked_at).is_(None)
    )
    await execute_core(work.session, theirs.values(revoked_at=work.at))


async def system_purge_expired(work: UnitOfWork, before: datetime) -> None:
    """Tokens that ran out long ago need not be kept."""
    await execute_core(work.session, delete(RefreshToken).where(col(RefreshToken.expires_at) < before))
