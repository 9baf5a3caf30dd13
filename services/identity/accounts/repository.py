"""Queries over accounts and role grants."""

from collections.abc import Iterable, Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import col, select, update

from services.identity.accounts.models import Account, FormerPassword, RoleGrant
from shared.auth import May, Role
from shared.db import delete_rows, execute_core, note_keys
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

COUNTY_DIGITS = 6
MOST_NAMESAKES = 20


async def get_account(work: UnitOfWork, account_id: str, kind: str, *, lock: bool = False) -> Account:
    """Get an account in the caller's regions, or their own; raises NotFound."""
    scope = work.actor.scope_filter(May.ACCOUNT_READ, col(Account.region), col(Account.id))
    query = select(Account).where(Account.id == account_id, Account.kind == kind, scope)
    account = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if account is None:
        raise NotFound("没有这个账号", "No such account")
    return account


async def system_find_account(work: UnitOfWork, account_id: str, *, lock: bool = False) -> Account | None:
    """Find an account without a permission check, for signing in."""
    query = select(Account).where(Account.id == account_id)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def system_list_accounts_created_by(work: UnitOfWork, creator: str) -> Sequence[Account]:
    """Every account that was created by this account or process, in order of id, without a permission check."""
    return (
        await work.session.exec(select(Account).where(Account.created_by == creator).order_by(Account.id))
    ).all()


async def list_grants_by_name(
    work: UnitOfWork, names: Iterable[str], low: str, high: str
) -> dict[tuple[str, str, str], str]:
    """(name of the person, role, region) → account, of grants between two region codes that the caller may read."""
    query = (
        select(Account.name, RoleGrant.role, RoleGrant.region, Account.id)
        .join(RoleGrant, col(RoleGrant.account_id) == Account.id)
        .where(
            col(Account.name).in_(sorted(names)),
            col(RoleGrant.region).between(low, high),
            work.actor.scope_filter(May.ACCOUNT_READ, col(Account.region), col(Account.id)),
        )
    )
    return {(name, str(role), region): found for name, role, region, found in await work.session.exec(query)}


async def system_list_account_ids(work: UnitOfWork, ids: Iterable[str], stems: Iterable[str]) -> set[str]:
    """Those of these user names that are taken, and every taken one that begins with one of the stems."""
    wanted = [col(Account.id).startswith(stem, autoescape=True) for stem in sorted(stems)]
    query = select(Account.id).where(sa.or_(col(Account.id).in_(sorted(ids)), *wanted))
    return set(await work.session.exec(query))


async def system_list_account_names(work: UnitOfWork, account_ids: Sequence[str]) -> dict[str, str]:
    """Id → name of accounts, without a permission check: whoever reads a record reads who made it."""
    query = select(Account.id, Account.name).where(col(Account.id).in_(account_ids)).order_by(Account.id)
    return {row[0]: row[1] for row in await work.session.exec(query)}


async def system_list_people_named(work: UnitOfWork, name: str, kind: str) -> dict[str, str]:
    """Id → name of people of exactly this name in the counties of the caller's grants: to name a person, not to list them."""
    counties = {grant.region[:COUNTY_DIGITS].ljust(12, "0") for grant in work.actor.grants}
    near = sa.or_(*(work.within_region(col(Account.region), one) for one in sorted(counties)))
    query = select(Account.id, Account.name).where(Account.name == name, Account.kind == kind, near)
    return {
        row[0]: row[1] for row in await work.session.exec(query.order_by(Account.id).limit(MOST_NAMESAKES))
    }


async def system_list_person_accounts(work: UnitOfWork, person_id: str) -> list[str]:
    """The ids of every account of a person, in order."""
    query = select(Account.id).where(Account.person_id == person_id).order_by(Account.id)
    return list(await work.session.exec(query))


async def system_find_role_holder(work: UnitOfWork, role: Role) -> str | None:
    """Id of any account that has, had or will have a role."""
    return (
        await work.session.exec(select(RoleGrant.account_id).where(RoleGrant.role == role).limit(1))
    ).first()


async def list_accounts(
    work: UnitOfWork, *, kind: str, q: str, after: str, limit: int, waiting: bool = False
) -> Sequence[Account]:
    """List the accounts the caller may read, by id; `q` matches a part of the name or the start of the id.

    `waiting`: only those with a grant that the caller may confirm.
    """
    query = select(Account).where(
        work.actor.scope_filter(May.ACCOUNT_READ, col(Account.region), col(Account.id)),
        Account.kind == kind,
        Account.id > after,
    )
    if waiting:
        query = query.where(_build_waiting_condition(work))
    if q:
        query = query.where(
            sa.or_(
                col(Account.name).contains(q, autoescape=True), col(Account.id).startswith(q, autoescape=True)
            )
        )
    return (await work.session.exec(query.order_by(Account.id).limit(limit))).all()


async def system_list_grants(
    work: UnitOfWork, account_ids: Sequence[str], on: date | None = None
) -> dict[str, list[RoleGrant]]:
    """List grants by account; with `on`, only those in force on that day, not those that wait for a second person."""
    query = select(RoleGrant).where(col(RoleGrant.account_id).in_(account_ids))
    if on is not None:
        query = query.where(
            col(RoleGrant.waiting).is_(False),
            RoleGrant.valid_from <= on,
            sa.or_(col(RoleGrant.valid_to).is_(None), col(RoleGrant.valid_to) >= on),
        )
    grants: dict[str, list[RoleGrant]] = {account_id: [] for account_id in account_ids}
    for grant in await work.session.exec(query.order_by(col(RoleGrant.id))):
        grants[grant.account_id].append(grant)
    return grants


async def system_rename_person(work: UnitOfWork, person_id: str, accounts: Sequence[str]) -> None:
    """Name a person by the first of the accounts that stay, when the account it was named by leaves."""
    query = update(Account).where(col(Account.person_id) == person_id, col(Account.id).in_(accounts))
    renamed = (
        await execute_core(work.session, query.values(person_id=accounts[0]).returning(col(Account.id)))
    ).scalars()
    note_keys(work.session, Account.__table__, renamed)  # type: ignore[attr-defined]


async def delete_grants(work: UnitOfWork, account_id: str) -> None:
    """Delete the grants of an account that lie in the caller's regions."""
    scope = work.actor.scope_filter(May.ACCOUNT_MANAGE, col(RoleGrant.region))
    grants: sa.Table = RoleGrant.__table__  # type: ignore[attr-defined]
    await delete_rows(work.session, grants, grants.c.account_id == account_id, scope)


def _in_confirming_scope(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return sa.or_(
        work.actor.scope_filter(May.ACCOUNT_MANAGE, col(RoleGrant.region)),
        work.actor.scope_filter(May.SECURITY_MANAGE, col(RoleGrant.region)),
    )


async def list_waiting_grants(work: UnitOfWork, account_id: str) -> list[RoleGrant]:
    """The grants of an account in the caller's regions that wait for a second person."""
    query = select(RoleGrant).where(
        RoleGrant.account_id == account_id, col(RoleGrant.waiting).is_(True), _in_confirming_scope(work)
    )
    return list(await work.session.exec(query.with_for_update()))


def _build_waiting_condition(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Condition: an account has grants that wait for a second person, and the caller is one."""
    waiting = select(RoleGrant.id).where(
        col(RoleGrant.account_id) == col(Account.id),
        col(RoleGrant.waiting).is_(True),
        col(RoleGrant.granted_by).not_in(work.actor.own_accounts),
        _in_confirming_scope(work),
    )
    return sa.and_(col(Account.id).not_in(work.actor.own_accounts), waiting.exists())


def build_kind_condition(kind: str) -> sa.ColumnElement[bool]:
    """Whether an account is a person's or a machine's."""
    return col(Account.kind) == kind


async def system_list_former_secrets(work: UnitOfWork, account_id: str) -> list[str]:
    """The password hashes an account had before, the latest first."""
    query = select(FormerPassword.secret).where(FormerPassword.account_id == account_id)
    return list(await work.session.exec(query.order_by(col(FormerPassword.id).desc()).limit(24)))
