"""Every query over refresh tokens."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, delete, select, update

from services.identity.sessions.models import RefreshToken
from shared.db import run
from shared.work import Work


async def system_claim(work: Work, digest: str) -> RefreshToken | None:
    """The token, locked until this transaction ends."""
    query = select(RefreshToken).where(RefreshToken.digest == digest).with_for_update()
    return (await work.session.exec(query)).first()


async def system_went_on(work: Work, token: RefreshToken) -> bool:
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
    return bool((await run(work.session, query)).scalar_one())


async def system_revoke(work: Work, family: str) -> None:
    """Nothing of this family is good any more."""
    open_ones = update(RefreshToken).where(
        col(RefreshToken.family) == family, col(RefreshToken.revoked_at).is_(None)
    )
    await run(work.session, open_ones.values(revoked_at=work.at))


async def system_revoke_all(work: Work, account_id: str) -> None:
    """An account is signed out everywhere."""
    theirs = update(RefreshToken).where(
        col(RefreshToken.account_id) == account_id, col(RefreshToken.revoked_at).is_(None)
    )
    await run(work.session, theirs.values(revoked_at=work.at))


async def system_forget(work: Work, before: datetime) -> None:
    """Tokens that ran out long ago need not be kept."""
    await run(work.session, delete(RefreshToken).where(col(RefreshToken.expires_at) < before))
