"""Every query over accounts and grants."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import col, delete, select

from services.identity.accounts.models import Account, RoleGrant
from shared.auth import May, Role
from shared.db import execute_core
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork


async def get_account(work: UnitOfWork, account_id: str, kind: str, *, lock: bool = False) -> Account:
    """One account in the caller's regions (or their own); NotFound otherwise."""
    seen = work.actor.scope_filter(May.ACCOUNT_READ, col(Account.region), col(Account.id))
    query = select(Account).where(Account.id == account_id, Account.kind == kind, seen)
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound("没有这个账号", "No such account")
    return found


async def system_find_account(work: UnitOfWork, account_id: str, *, lock: bool = False) -> Account | None:
    """One account, whoever asks: for signing in."""
    query = select(Account).where(Account.id == account_id)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def system_find_role_holder(work: UnitOfWork, role: Role) -> str | None:
    """Any account that was ever given a role."""
    return (
        await work.session.exec(select(RoleGrant.account_id).where(RoleGrant.role == role).limit(1))
    ).first()


async def list_accounts(work: UnitOfWork, *, kind: str, q: str, after: str, limit: int) -> Sequence[Account]:
    """Accounts the caller keeps, in the order of their ids."""
    query = select(Account).where(
        work.actor.scope_filter(May.ACCOUNT_READ, col(Account.region), col(Account.id)),
        Account.kind == kind,
        Account.id > after,
    )
    if q:
        query = query.where(
            sa.or_(
                col(Account.name).contains(q, autoescape=True), col(Account.id).startswith(q, autoescape=True)
            )
        )
    return (await work.session.exec(query.order_by(Account.id).limit(limit))).all()


async def system_list_grants(
    work: UnitOfWork, ids: Sequence[str], on: date | None = None
) -> dict[str, list[RoleGrant]]:
    """Grants of accounts; with a day only those that hold on it."""
    query = select(RoleGrant).where(col(RoleGrant.account_id).in_(ids))
    if on is not None:
        query = query.where(
            RoleGrant.valid_from <= on,
            sa.or_(col(RoleGrant.valid_to).is_(None), col(RoleGrant.valid_to) >= on),
        )
    found: dict[str, list[RoleGrant]] = {one: [] for one in ids}
    for row in await work.session.exec(query.order_by(col(RoleGrant.id))):
        found[row.account_id].append(row)
    return found


async def delete_grants(work: UnitOfWork, account_id: str) -> None:
    """Take the grants of an account away that lie in the caller's regions, to write others."""
    kept = work.actor.scope_filter(May.ACCOUNT_MANAGE, col(RoleGrant.region))
    await execute_core(work.session, delete(RoleGrant).where(col(RoleGrant.account_id) == account_id, kept))
