"""Every query over second factors and recovery codes."""

import sqlalchemy as sa
from sqlmodel import col, delete, select

from services.identity.passkeys import repository as passkeys
from services.identity.second_factors.models import RecoveryCode, SecondFactor
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork


async def system_find_factor(work: UnitOfWork, account_id: str, *, lock: bool = False) -> SecondFactor | None:
    """The second factor of an account."""
    query = select(SecondFactor).where(SecondFactor.account_id == account_id)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def system_find_unused_code(
    work: UnitOfWork, account_id: str, digest: str, *, lock: bool = False
) -> RecoveryCode | None:
    """A recovery code of an account that was not used."""
    query = select(RecoveryCode).where(
        RecoveryCode.account_id == account_id,
        RecoveryCode.digest == digest,
        col(RecoveryCode.used_at).is_(None),
    )
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def system_count_unused_codes(work: UnitOfWork, account_id: str) -> int:
    """How many recovery codes of an account are left."""
    query = (
        sa.select(sa.func.count())
        .select_from(RecoveryCode)
        .where(col(RecoveryCode.account_id) == account_id, col(RecoveryCode.used_at).is_(None))
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def system_delete_codes(work: UnitOfWork, account_id: str) -> None:
    """Delete every recovery code of an account."""
    await execute_core(work.session, delete(RecoveryCode).where(col(RecoveryCode.account_id) == account_id))


async def system_delete_one_time_codes(work: UnitOfWork, account_id: str) -> int:
    """Delete the secret of an account's one-time codes; return 1 when there was one."""
    statement = delete(SecondFactor).where(col(SecondFactor.account_id) == account_id)
    return (await execute_core(work.session, statement)).rowcount


async def system_delete_factor(work: UnitOfWork, account_id: str) -> int:
    """Delete what is a second factor of an account, with its recovery codes; return how many there were."""
    await system_delete_codes(work, account_id)
    removed = await system_delete_one_time_codes(work, account_id)
    return removed + await passkeys.system_delete_passkeys(work, account_id)
