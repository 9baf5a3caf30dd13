"""Every query over refresh tokens."""

from sqlmodel import col, select, update

from services.identity.sessions.models import RefreshToken
from shared.db import run
from shared.work import Work


async def system_claim(work: Work, digest: str) -> RefreshToken | None:
    """The token, locked until this transaction ends."""
    query = select(RefreshToken).where(RefreshToken.digest == digest).with_for_update()
    return (await work.session.exec(query)).first()


async def system_revoke(work: Work, family: str) -> None:
    """Nothing of this family is good any more."""
    open_ones = update(RefreshToken).where(
        col(RefreshToken.family) == family, col(RefreshToken.revoked_at).is_(None)
    )
    await run(work.session, open_ones.values(revoked_at=work.at))


async def revoke_all(work: Work) -> None:
    """The caller is signed out everywhere."""
    mine = update(RefreshToken).where(
        col(RefreshToken.account_id) == work.actor.id, col(RefreshToken.revoked_at).is_(None)
    )
    await run(work.session, mine.values(revoked_at=work.at))
