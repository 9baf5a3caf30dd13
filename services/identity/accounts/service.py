"""Create and update accounts of people and machine clients, their role grants, passwords and lock-out."""

import secrets as random
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations
from typing import Any

from services.identity.accounts import repository
from services.identity.accounts.models import Account, FormerPassword, RoleGrant
from services.identity.accounts.passwords import hash_password, require_strong_password, verify_password
from services.identity.accounts.schemas import (
    AccountChange,
    AccountCreate,
    AccountRead,
    ClientChange,
    ClientCreate,
    ClientRead,
    ClientSecret,
    GrantRead,
    GrantWrite,
    HeldGrant,
    Me,
    PasswordChange,
    PersonChange,
)
from services.identity.lock_outs import service as lock_outs
from services.identity.organisations import repository as organisations
from services.identity.policy import CONFIRMED_ROLES, EXCLUSIVE_ROLES, PASSWORD_HISTORY
from services.identity.sessions import repository as sessions
from shared.auth import ROLES, May, Role
from shared.clients.identity import AccountChanged, PasswordChanged
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.http import VersionMatch
from shared.person_requests.models import name_erased_account
from shared.records import log_event, touch_record
from shared.unit_of_work import UnitOfWork

USER_KIND, MACHINE_KIND = "user", "machine"
OPEN_ENDED_DATE = date.max
GrantIdentity = tuple[Role, str, date, date | None]


async def require_reach_over(work: UnitOfWork, account: Account) -> None:
    """Forbidden unless every grant of the account, now or later, lies in the caller's regions; Conflict once it was erased.

    Who resets a password, disables, binds or merges an account has all its rights in hand, wherever they hold.
    """
    _require_not_erased(account)
    grants = (await repository.system_list_grants(work, [account.id]))[account.id]
    current = [one for one in grants if one.valid_to is None or one.valid_to >= work.today]
    if any(not work.actor.has_access(May.ACCOUNT_MANAGE, one.region) for one in current):
        raise Forbidden(
            "该账号在您的辖区之外还有授权, 请由上级管理员办理",
            "The account holds grants outside your regions",
        )


def _get_identity(grant: GrantWrite | RoleGrant, today: date) -> GrantIdentity:
    """What makes a grant the one that a second person confirmed."""
    return grant.role, grant.region, grant.valid_from or today, grant.valid_to


async def _needs_second_person(work: UnitOfWork, grant: GrantWrite | RoleGrant) -> bool:
    """Whether the rule of the place where a grant counts names its role; that of the administrator's home does not say."""
    return grant.role in (await work.get_rule(CONFIRMED_ROLES, region=grant.region)).value


async def assign_roles(
    work: UnitOfWork,
    account: Account,
    grants: Sequence[GrantWrite],
    kept: frozenset[GrantIdentity] = frozenset(),
) -> None:
    """Add grants to an account; raises Invalid with an error for each grant that is not allowed.

    A grant must lie in the caller's regions and fit the kind of account; roles of rule `auth.exclusive_roles` must not
    overlap in time with another role.
    """
    errors = list(_check_region_and_kind(work, account, grants))
    rows = [
        RoleGrant(
            account_id=account.id,
            role=grant.role,
            region=grant.region,
            valid_from=grant.valid_from or work.today,
            valid_to=grant.valid_to,
            granted_by=work.actor.id,
            waiting=_get_identity(grant, work.today) not in kept and await _needs_second_person(work, grant),
        )
        for grant in grants
    ]
    accounts = await repository.system_list_person_accounts(work, account.person_id)
    by_account = await repository.system_list_grants(work, [account.id, *accounts])
    remaining = [grant for grants_of_account in by_account.values() for grant in grants_of_account]
    exclusive = (await work.get_rule(EXCLUSIVE_ROLES)).value
    errors += _check_exclusive_roles(exclusive, [*rows, *remaining])
    if errors:
        raise Invalid(
            "；".join(dict.fromkeys(error.detail for error in errors)),
            "These grants cannot be",
            errors=errors,
        )
    work.session.add_all(rows)
    await work.session.flush()


async def confirm_grants(work: UnitOfWork, account_id: str, match: VersionMatch) -> Account:
    """Put the waiting grants of an account into force as the second person.

    Forbidden for who granted them and for the account's own person, Conflict when nothing waits.
    """
    account = await repository.get_account(work, account_id, USER_KIND, lock=True)
    match.require_version(account)
    waiting = await repository.list_waiting_grants(work, account_id)
    if not waiting:
        raise Conflict("没有等待确认的授权", "No grant waits for a second person")
    if work.actor.is_same_person(account.id, *(one.granted_by for one in waiting)):
        raise Forbidden("授权须由另一名管理员确认", "Four eyes: another administrator must")
    for one in waiting:
        one.waiting, one.confirmed_by = False, work.actor.id
        work.session.add(one)
    await sessions.system_renew_tokens(work, account.id)
    await save_account(work, account)
    return account


def _check_region_and_kind(
    work: UnitOfWork, account: Account, grants: Sequence[GrantWrite]
) -> Iterator[FieldError]:
    for index, grant in enumerate(grants):
        if not work.actor.has_access(May.ACCOUNT_MANAGE, grant.region):
            detail = f"{grant.region} 不在您的辖区"
            yield FieldError("outside", detail, "not in your regions", f"/grants/{index}/region")
        if (grant.role is Role.MACHINE) != (account.kind == MACHINE_KIND):
            detail = f"“{grant.role.label}”不能授予这类账号"
            yield FieldError("wrong_kind", detail, "not for this kind of account", f"/grants/{index}/role")
        if grant.role is Role.LINE_BUREAU and account.organisation_id is None:
            detail = f"“{grant.role.label}”的账号须登记单位: 主管部门不同的项目不归其办理"
            yield FieldError("no_organisation", detail, "needs an organisation", "/organisation_id")


def _check_exclusive_roles(exclusive: frozenset[Role], grants: Sequence[RoleGrant]) -> Iterator[FieldError]:
    for (index, grant), (_, other) in combinations(enumerate(grants), 2):
        compatible = grant.role is other.role or not {grant.role, other.role} & exclusive
        if not compatible and _grants_overlap(grant, other):
            detail = f"同一人不能既是“{grant.role.label}”又是“{other.role.label}”"
            yield FieldError("separation_of_duties", detail, "separation of duties", f"/grants/{index}/role")


def _grants_overlap(grant: RoleGrant, other: RoleGrant) -> bool:
    return grant.valid_from <= (other.valid_to or OPEN_ENDED_DATE) and other.valid_from <= (
        grant.valid_to or OPEN_ENDED_DATE
    )


async def to_read_models(work: UnitOfWork, rows: Sequence[Account]) -> list[AccountRead]:
    """Convert accounts to read models with grants, organisation names and locks; three queries for any number of them."""
    locks = await lock_outs.list_locks(work, list(rows))
    grants = await repository.system_list_grants(work, [row.id for row in rows])
    names = await organisations.list_organisation_names(work, [row.organisation_id for row in rows])
    return [
        AccountRead.model_validate(row).model_copy(
            update={
                "grants": [HeldGrant.model_validate(grant) for grant in grants[row.id]],
                "organisation": names.get(row.organisation_id, ""),
                "locked_until": locks.get(row.id),
            }
        )
        for row in rows
    ]


async def create_user(work: UnitOfWork, body: AccountCreate) -> Account:
    """Create a person's account. A password set by the administrator must be changed at the first sign-in."""
    work.actor.require(May.ACCOUNT_MANAGE, body.region)
    words = (body.id, body.name)
    secret = (
        await _hash_new_password(work, words, body.password, body.region) if body.password is not None else ""
    )
    columns = body.model_dump(include={"name", "region", "organisation_id"})
    return await create_account(
        work, body.id, body.grants, kind=USER_KIND, secret=secret, must_change=bool(secret), **columns
    )


async def _hash_new_password(
    work: UnitOfWork, words: Sequence[str], password: str, region: str | None = None
) -> str:
    """Check and hash a password. Called before the first write, so that no lock is held while hashing."""
    async with work.context.database.read() as session:
        await require_strong_password(
            work.context.unit_of_work(session), words, password, "/password", region
        )
    return await hash_password(password)


async def create_account(
    work: UnitOfWork,
    account_id: str,
    grants: Sequence[GrantWrite],
    **columns: Any,  # noqa: ANN401 - of several types
) -> Account:
    """Create an account of any kind; raises Conflict when its id is taken, NotFound for an unknown organisation."""
    if await repository.system_find_account(work, account_id) is not None:
        raise Conflict(f"用户名 {account_id} 已被使用", f"{account_id} is taken")
    if (organisation_id := columns.get("organisation_id")) is not None:
        await organisations.get_organisation(work, organisation_id)
    account = Account(
        id=account_id,
        person_id=account_id,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        password_changed_at=work.at,
        **columns,
    )
    work.session.add(account)
    await work.session.flush()
    await assign_roles(work, account, grants)
    await log_event(work, account, await _build_changed_event(work, account))
    return account


async def update_user(work: UnitOfWork, account_id: str, body: AccountChange, match: VersionMatch) -> Account:
    """Update a person's account; raises Forbidden for own grants, own password reset and disabling oneself.

    New grants, disabling and a reset take effect within seconds: services follow the list of ended sessions.
    """
    secret = (
        await _hash_new_password(work, (account_id,), body.password) if body.password is not None else None
    )
    account = await lock_for_update(work, account_id, USER_KIND, match)
    await _require_other_person(work, account, body)
    before = {"disabled": account.disabled}
    for name in ("name", "organisation_id", "disabled"):
        if (value := getattr(body, name)) is not None:
            setattr(account, name, value)
    if body.organisation_id is not None:
        await organisations.get_organisation(work, body.organisation_id)
    if body.grants is not None:
        held = (await repository.system_list_grants(work, [account_id]))[account_id]
        kept = frozenset(_get_identity(one, work.today) for one in held if not one.waiting)
        for one in held:
            work.session.expunge(one)  # SQLite gives the ids of deleted rows to new ones
        await repository.delete_grants(work, account_id)
        await assign_roles(work, account, body.grants, kept)
        await sessions.system_renew_tokens(work, account.id)
    if secret is not None:
        await _set_password(work, account, secret, reset=True)
    if secret is not None or account.disabled:
        await sessions.system_end_account(work, account.id, "disabled" if account.disabled else "reset")
    await save_account(work, account, before=before)
    return account


async def reset_first_password(work: UnitOfWork, account_id: str, secret: str) -> None:
    """Replace the first password of an account that never changed it; Conflict when it did meanwhile."""
    account = await repository.get_account(work, account_id, USER_KIND, lock=True)
    work.actor.require(May.ACCOUNT_MANAGE, account.region)
    await require_reach_over(work, account)
    if not account.must_change:
        raise Conflict(f"{account_id} 刚刚改了口令", f"{account_id} has a password of its own")
    await _set_password(work, account, secret, reset=True)
    await sessions.system_end_account(work, account.id, "reset")
    await save_account(work, account)


async def _require_other_person(work: UnitOfWork, account: Account, body: AccountChange) -> None:
    """Forbidden when somebody changes their own rights, or takes an account in hand that reaches further than they do."""
    takes = body.password is not None or body.disabled is not None
    if work.actor.is_same_person(account.id) and (body.grants is not None or body.disabled or body.password):
        raise Forbidden("不能更改本人的授权、停用本人或重置本人口令", "Four eyes: another administrator must")
    if takes:
        await require_reach_over(work, account)


async def set_person(work: UnitOfWork, account_id: str, body: PersonChange, match: VersionMatch) -> Account:
    """Say which person is behind an account; counts with the next token, ten minutes at most.

    Raises Forbidden for the caller's own accounts, Invalid when the person would hold roles that exclude each other.
    """
    account = await lock_for_update(work, account_id, USER_KIND, match)
    await require_reach_over(work, account)
    before = {"person_id": account.person_id}
    if body.same_as is None or body.same_as == account_id:
        _forbid_own_accounts(work, account_id)
        await _separate_person(work, account)
        account.person_name = body.name or ""
    else:
        other = await repository.get_account(work, body.same_as, USER_KIND, lock=True)
        work.actor.require(May.ACCOUNT_MANAGE, other.region)
        _forbid_own_accounts(work, account_id, other.id)
        await require_reach_over(work, other)
        account.person_id = other.person_id
        account.person_name = other.person_name = body.name or other.person_name or other.name
        await _require_compatible_roles(work, account.person_id)
    await save_account(work, account, before=before)
    return account


def _forbid_own_accounts(work: UnitOfWork, *accounts: str) -> None:
    if work.actor.is_same_person(*accounts):
        raise Forbidden("不能更改本人账号背后的人", "Four eyes: another administrator must")


async def _separate_person(work: UnitOfWork, account: Account) -> None:
    """Make an account a person of its own; accounts that stay together are named by the first of them."""
    accounts = await repository.system_list_person_accounts(work, account.person_id)
    staying = [one for one in accounts if one != account.id]
    if staying and account.person_id == account.id:
        await repository.system_rename_person(work, account.id, staying)
    account.person_id = account.id


async def _require_compatible_roles(work: UnitOfWork, person_id: str) -> None:
    """Raise Invalid when the accounts of a person hold roles that exclude each other at the same time."""
    accounts = await repository.system_list_person_accounts(work, person_id)
    by_account = await repository.system_list_grants(work, accounts)
    grants = [grant for grants_of_account in by_account.values() for grant in grants_of_account]
    exclusive = (await work.get_rule(EXCLUSIVE_ROLES)).value
    if errors := list(_check_exclusive_roles(exclusive, grants)):
        raise Invalid(errors[0].detail, "These accounts hold roles that exclude each other", errors=errors)


async def lock_for_update(work: UnitOfWork, account_id: str, kind: str, match: VersionMatch) -> Account:
    """Get and lock an account the caller may manage; raises PreconditionFailed when its version changed, Conflict once it was erased."""
    account = await repository.get_account(work, account_id, kind, lock=True)
    work.actor.require(May.ACCOUNT_MANAGE, account.region)
    match.require_version(account)
    _require_not_erased(account)
    return account


def _require_not_erased(account: Account) -> None:
    if is_erased(account):
        raise Conflict("账号已注销, 其个人信息已删除, 不能再用", "The account's person was erased")


def is_erased(account: Account) -> bool:
    """Whether the person of an account was erased; it is never used again."""
    return account.name == name_erased_account(account.id)


async def save_account(work: UnitOfWork, account: Account, *, before: dict[str, Any] | None = None) -> None:
    """Increment the version, write the account and publish the change."""
    touch_record(work, account)
    await work.session.flush()
    await log_event(work, account, await _build_changed_event(work, account), before=before)


async def _build_changed_event(work: UnitOfWork, account: Account) -> AccountChanged:
    grants = (await repository.system_list_grants(work, [account.id]))[account.id]
    return AccountChanged(
        account=account.id,
        kind=account.kind,
        disabled=account.disabled,
        grants=tuple((str(grant.role), grant.region) for grant in grants),
        person=account.person_id,
    )


async def get_profile(work: UnitOfWork) -> Me:
    """Get the caller's profile: roles, regions and permissions."""
    account = await repository.system_find_account(work, work.actor.id)
    return Me(
        id=work.actor.id,
        name=work.actor.name,
        kind=work.actor.kind,
        organisation=work.actor.organisation,
        must_change=account is not None and account.must_change,
        grants=[
            GrantRead(
                role=grant.role,
                label=grant.role.label,
                region=grant.region,
                permissions={str(may): reach.value for may, reach in ROLES[grant.role].items()},
            )
            for grant in work.actor.grants
        ],
    )


async def change_password(work: UnitOfWork, body: PasswordChange, source: str) -> None:
    """Change the caller's password and end all their sessions.

    A wrong old password counts as a failed sign-in from this source.
    """
    context = work.context
    async with context.database.read() as session:
        reading = context.unit_of_work(session)
        account = await repository.system_find_account(reading, work.actor.id)
        if body.new == body.old:
            raise _password_change_error("新口令不能与原口令相同", "/new")
        words = (work.actor.id, work.actor.name)
        await require_strong_password(reading, words, body.new, "/new", work.home_region)
        lock = await lock_outs.find_lock(reading, USER_KIND, work.actor.id, source)
        former = await repository.system_list_former_secrets(reading, work.actor.id)
    if account is None or not await verify_password(body.old, account.secret if lock is None else None):
        if lock is None:
            await lock_outs.record_failure(
                context, USER_KIND, work.actor.id, source, account=account, reason="old_password"
            )
        raise _password_change_error("原口令不对, 或已因多次失败锁定", "/old")
    await _refuse_former_password(work, body.new, former)
    secret = await hash_password(body.new)
    current = await repository.system_find_account(work, work.actor.id, lock=True)
    if current is None or current.secret != account.secret:
        raise _password_change_error("口令刚刚被改过, 请重新登录", "/old")
    await _set_password(work, current, secret, reset=False)
    await sessions.system_end_account(work, current.id, "password")
    await save_account(work, current)


async def _refuse_former_password(work: UnitOfWork, password: str, former: Sequence[str]) -> None:
    count = (await work.get_rule(PASSWORD_HISTORY)).value
    for secret in former[:count]:
        if await verify_password(password, secret):
            raise _password_change_error(f"新口令不能与最近 {count} 次用过的相同", "/new")


async def _set_password(work: UnitOfWork, account: Account, secret: str, *, reset: bool) -> None:
    """Replace the password, keep the former one for comparison, and log that it changed and by whom."""
    if account.secret:
        work.session.add(FormerPassword(account_id=account.id, secret=account.secret, replaced_at=work.at))
    account.secret, account.must_change, account.password_changed_at = secret, reset, work.at
    if reset:
        await _let_grants_wait(work, account)
    await lock_outs.clear_failures(work, USER_KIND, account.id)
    await log_event(work, account, PasswordChanged(account=account.id, reset=reset))


async def _let_grants_wait(work: UnitOfWork, account: Account) -> None:
    """Let the grants of confirmed roles wait for a second person again: a person who resets a password knows it."""
    for grant in (await repository.system_list_grants(work, [account.id]))[account.id]:
        if await _needs_second_person(work, grant):
            grant.waiting, grant.granted_by, grant.confirmed_by = True, work.actor.id, ""
            work.session.add(grant)


def _password_change_error(detail: str, pointer: str) -> Invalid:
    return Invalid(detail, "The password is refused", errors=[FieldError("wrong", detail, "wrong", pointer)])


async def to_client_read_models(work: UnitOfWork, rows: Sequence[Account]) -> list[ClientRead]:
    """Convert machine clients to read models with their scopes."""
    reads = await to_read_models(work, rows)
    return [
        ClientRead(**read.model_dump(), scopes=row.scopes.split())
        for read, row in zip(reads, rows, strict=True)
    ]


async def create_client(work: UnitOfWork, body: ClientCreate) -> ClientSecret:
    """Create a machine client in a region; the answer contains its secret."""
    work.actor.require(May.ACCOUNT_MANAGE, body.region)
    secret = random.token_urlsafe(32)
    secret_hash = await hash_password(secret)
    columns = {"name": body.name, "region": body.region, "scopes": _join_scopes(body.scopes)}
    grants = [GrantWrite(role=Role.MACHINE, region=body.region)]
    client = await create_account(work, body.id, grants, kind=MACHINE_KIND, secret=secret_hash, **columns)
    return await _reveal_secret(work, client, secret)


async def update_client(work: UnitOfWork, client_id: str, body: ClientChange, match: VersionMatch) -> Account:
    """Update a machine client; takes effect with its next access token, after ten minutes at most."""
    client = await lock_for_update(work, client_id, MACHINE_KIND, match)
    if body.name is not None:
        client.name = body.name
    if body.scopes is not None:
        client.scopes = _join_scopes(body.scopes)
    if body.disabled is not None:
        client.disabled = body.disabled
    if client.disabled or body.scopes is not None:
        await sessions.system_end_account(work, client.id, "disabled" if client.disabled else "scopes")
    await save_account(work, client)
    return client


async def rotate_secret(work: UnitOfWork, client_id: str, match: VersionMatch) -> ClientSecret:
    """Replace a client's secret; the old one is refused at once."""
    secret = random.token_urlsafe(32)
    secret_hash = await hash_password(secret)
    client = await lock_for_update(work, client_id, MACHINE_KIND, match)
    client.secret, client.password_changed_at = secret_hash, work.at
    await lock_outs.clear_failures(work, MACHINE_KIND, client.id)
    await sessions.system_end_account(work, client.id, "reset")
    await save_account(work, client)
    return await _reveal_secret(work, client, secret)


async def _reveal_secret(work: UnitOfWork, account: Account, secret: str) -> ClientSecret:
    (read,) = await to_client_read_models(work, [account])
    return ClientSecret(**read.model_dump(), secret=secret)


def _join_scopes(scopes: Sequence[May]) -> str:
    return " ".join(sorted(set(scopes)))
