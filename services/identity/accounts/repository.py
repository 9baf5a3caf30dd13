"""Every query over accounts and grants."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import col, delete, select

from services.identity.accounts.models import Account, Granted
from shared.db import run
from shared.errors import NotFound
from shared.permissions import May, Role
from shared.work import Work


async def get(work: Work, account_id: str, kind: str, *, lock: bool = False) -> Account:
    """One account in the caller's regions (or their own); NotFound otherwise."""
    seen = work.actor.where(May.ACCOUNT_READ, col(Account.region), col(Account.id))
    query = select(Account).where(Account.id == account_id, Account.kind == kind, seen)
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound("没有这个账号", "No such account")
    return found


async def system_get(work: Work, account_id: str, *, lock: bool = False) -> Account | None:
    """One account, whoever asks: for signing in."""
    query = select(Account).where(Account.id == account_id)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def system_holder(work: Work, role: Role) -> str | None:
    """Any account that was ever given a role."""
    return (await work.session.exec(select(Granted.account_id).where(Granted.role == role).limit(1))).first()


async def search(work: Work, *, kind: str, q: str, after: str, limit: int) -> Sequence[Account]:
    """Accounts the caller keeps, in the order of their ids."""
    query = select(Account).where(
        work.actor.where(May.ACCOUNT_READ, col(Account.region), col(Account.id)),
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


async def system_grants(work: Work, ids: Sequence[str], on: date | None = None) -> dict[str, list[Granted]]:
    """Grants of accounts; with a day only those that hold on it."""
    query = select(Granted).where(col(Granted.account_id).in_(ids))
    if on is not None:
        query = query.where(
            Granted.valid_from <= on, sa.or_(col(Granted.valid_to).is_(None), col(Granted.valid_to) >= on)
        )
    found: dict[str, list[Granted]] = {one: [] for one in ids}
    for row in await work.session.exec(query.order_by(col(Granted.id))):
        found[row.account_id].append(row)
    return found


async def drop_grants(work: Work, account_id: str) -> None:
    """Take the grants of an account away that lie in the caller's regions, to write others."""
    kept = work.actor.where(May.ACCOUNT_MANAGE, col(Granted.region))
    await run(work.session, delete(Granted).where(col(Granted.account_id) == account_id, kept))
