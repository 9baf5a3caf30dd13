"""Every query over passkeys and their challenges."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, delete, select

from services.identity.passkeys.models import Ceremony, Passkey, PasskeyChallenge
from shared.db import execute_core
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork


async def system_list_passkeys(work: UnitOfWork, account_id: str) -> Sequence[Passkey]:
    """The passkeys of an account, the first registered first."""
    query = select(Passkey).where(Passkey.account_id == account_id)
    return (await work.session.exec(query.order_by(col(Passkey.created_at), col(Passkey.id)))).all()


async def system_count_passkeys(work: UnitOfWork, account_id: str) -> int:
    """How many passkeys an account has."""
    query = sa.select(sa.func.count()).select_from(Passkey).where(col(Passkey.account_id) == account_id)
    return int((await execute_core(work.session, query)).scalar_one())


async def get_own_passkey(work: UnitOfWork, passkey_id: UUID) -> Passkey:
    """One of the caller's passkeys, locked; NotFound for another's."""
    query = select(Passkey).where(Passkey.account_id == work.actor.id, Passkey.id == passkey_id)
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound("没有这个通行密钥", "No such passkey")
    return found


async def system_find_passkey(work: UnitOfWork, account_id: str, credential_id: str) -> Passkey | None:
    """The passkey of an account by the authenticator's name for it, locked."""
    query = select(Passkey).where(Passkey.account_id == account_id, Passkey.credential_id == credential_id)
    return (await work.session.exec(query.with_for_update())).first()


async def system_is_registered(work: UnitOfWork, credential_id: str) -> bool:
    """Whether some account has a passkey of that name."""
    query = select(Passkey.id).where(Passkey.credential_id == credential_id)
    return (await work.session.exec(query)).first() is not None


async def system_use_challenge(
    work: UnitOfWork, challenge: str, account_id: str, session_id: str, ceremony: Ceremony
) -> bool:
    """Use a challenge up; False when it was not given for this, has expired, or was used."""
    statement = delete(PasskeyChallenge).where(
        col(PasskeyChallenge.challenge) == challenge,
        col(PasskeyChallenge.account_id) == account_id,
        col(PasskeyChallenge.session_id) == session_id,
        col(PasskeyChallenge.ceremony) == ceremony,
        col(PasskeyChallenge.expires_at) > work.at,
    )
    return (await execute_core(work.session, statement)).rowcount == 1


async def system_delete_passkeys(work: UnitOfWork, account_id: str) -> int:
    """Delete every passkey and challenge of an account; return how many passkeys there were."""
    await execute_core(
        work.session, delete(PasskeyChallenge).where(col(PasskeyChallenge.account_id) == account_id)
    )
    statement = delete(Passkey).where(col(Passkey.account_id) == account_id)
    return (await execute_core(work.session, statement)).rowcount


async def system_delete_expired_challenges(work: UnitOfWork, before: datetime) -> None:
    """Delete the challenges that expired before a time."""
    await execute_core(
        work.session, delete(PasskeyChallenge).where(col(PasskeyChallenge.expires_at) < before)
    )
