"""Every query over issuer bindings and used tokens."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, delete, select

from services.identity.issuers.models import IssuerBinding, UsedIdToken
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork


async def system_find_binding(work: UnitOfWork, issuer: str, subject: str) -> IssuerBinding | None:
    """The binding of a person of an issuer."""
    query = select(IssuerBinding).where(IssuerBinding.issuer == issuer, IssuerBinding.subject == subject)
    return (await work.session.exec(query)).first()


async def system_list_bindings(work: UnitOfWork, account_id: str) -> list[IssuerBinding]:
    """The bindings of an account, whose reader was checked before."""
    query = select(IssuerBinding).where(IssuerBinding.account_id == account_id)
    return list(await work.session.exec(query.order_by(IssuerBinding.issuer, IssuerBinding.subject)))


async def system_add_used_token(work: UnitOfWork, digest: str, expires_at: datetime) -> bool:
    """Remember a token; False when it was used before."""
    insert: Any = postgresql.insert if work.context.database.dialect == "postgresql" else sqlite.insert
    statement = insert(UsedIdToken).values(digest=digest, expires_at=expires_at).on_conflict_do_nothing()
    result: Any = await execute_core(work.session, statement.returning(UsedIdToken.digest))
    return result.first() is not None


async def system_purge_used_tokens(work: UnitOfWork) -> None:
    """Delete tokens that have expired and are refused anyway."""
    await execute_core(work.session, delete(UsedIdToken).where(col(UsedIdToken.expires_at) < work.at))


async def system_delete_binding(work: UnitOfWork, binding: IssuerBinding) -> None:
    """Delete a binding."""
    await execute_core(
        work.session,
        sa.delete(IssuerBinding).where(
            col(IssuerBinding.issuer) == binding.issuer, col(IssuerBinding.subject) == binding.subject
        ),
    )
