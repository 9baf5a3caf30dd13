"""Queries over sessions and refresh tokens."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, delete, select, update

from services.identity.sessions.models import RefreshToken, Session
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


async def system_supersede_unused(work: UnitOfWork, family: str) -> None:
    """Revoke the unused tokens of a family: another answer to the same refresh takes their place."""
    statement = update(RefreshToken).where(
        col(RefreshToken.family) == family,
        col(RefreshToken.used_at).is_(None),
        col(RefreshToken.revoked_at).is_(None),
    )
    await execute_core(work.session, statement.values(revoked_at=work.at, superseded=True))


async def system_find_session(work: UnitOfWork, session_id: str, *, lock: bool = False) -> Session | None:
    """A session by its id."""
    query = select(Session).where(Session.id == session_id)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def system_list_open_sessions(work: UnitOfWork, account_id: str) -> list[Session]:
    """The sessions of an account that have not ended, the last used first."""
    query = select(Session).where(
        Session.account_id == account_id, col(Session.ended_at).is_(None), Session.expires_at > work.at
    )
    return list(await work.session.exec(query.order_by(col(Session.used_at).desc(), Session.id)))


async def system_list_changes(work: UnitOfWork, since: datetime) -> list[Session]:
    """Sessions that ended or got another generation since a time."""
    query = select(Session).where(col(Session.changed_at) >= since)
    return [one for one in await work.session.exec(query) if one.ended_at is not None or one.generation > 0]


async def system_end_sessions(work: UnitOfWork, ids: Sequence[str], reason: str) -> None:
    """End sessions: their refresh tokens are revoked at once, services refuse their access tokens within seconds."""
    tokens = update(RefreshToken).where(
        col(RefreshToken.family).in_(ids), col(RefreshToken.revoked_at).is_(None)
    )
    await execute_core(work.session, tokens.values(revoked_at=work.at))
    rows = update(Session).where(col(Session.id).in_(ids), col(Session.ended_at).is_(None))
    await execute_core(work.session, rows.values(ended_at=work.at, changed_at=work.at, end_reason=reason))


async def system_end_account(work: UnitOfWork, account_id: str, reason: str) -> None:
    """End every session of an account, and revoke refresh tokens that have none."""
    tokens = update(RefreshToken).where(
        col(RefreshToken.account_id) == account_id, col(RefreshToken.revoked_at).is_(None)
    )
    await execute_core(work.session, tokens.values(revoked_at=work.at))
    rows = update(Session).where(col(Session.account_id) == account_id, col(Session.ended_at).is_(None))
    await execute_core(work.session, rows.values(ended_at=work.at, changed_at=work.at, end_reason=reason))


async def system_renew_tokens(work: UnitOfWork, account_id: str) -> None:
    """Make the access tokens of an account void within seconds; its sessions go on and get tokens with the new grants."""
    rows = update(Session).where(col(Session.account_id) == account_id, col(Session.ended_at).is_(None))
    await execute_core(work.session, rows.values(generation=col(Session.generation) + 1, changed_at=work.at))


async def system_delete_expired_tokens(work: UnitOfWork, before: datetime) -> int:
    """Delete tokens that expired before a time; return how many there were."""
    statement = delete(RefreshToken).where(col(RefreshToken.expires_at) < before)
    return (await execute_core(work.session, statement)).rowcount


async def system_delete_sessions(work: UnitOfWork, before: datetime) -> None:
    """Delete sessions that expired before a time."""
    await execute_core(work.session, delete(Session).where(col(Session.expires_at) < before))
