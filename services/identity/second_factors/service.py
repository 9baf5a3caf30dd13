"""Set up, check and remove the second factor. Rule `auth.second_factor` names the permissions that require one."""

import hashlib
import hmac
import secrets as random

import pyotp

from services.identity.accounts import repository as accounts
from services.identity.accounts.models import Account, RoleGrant
from services.identity.accounts.service import USER_KIND, require_reach_over
from services.identity.lock_outs import service as lock_outs
from services.identity.policy import SECOND_FACTOR
from services.identity.second_factors import repository
from services.identity.second_factors.models import RecoveryCode, SecondFactor
from services.identity.second_factors.schemas import RecoveryCodes, SecondFactorRead, SecondFactorSecret
from services.identity.sessions import repository as sessions
from shared.auth import ROLES, May
from shared.clients.identity import SecondFactorChanged
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.records import log_event
from shared.unit_of_work import UnitOfWork

ISSUER_NAME = "衔接"
STEP_S = 30
ACCEPTED_STEPS = (0, -1, 1)
"""Time steps beside the present one whose code is accepted: clocks of phones differ."""
CODE_KIND = "code"
"""Kind of name under which wrong codes of a signed-in caller are counted."""
RECOVERY_CODE_COUNT = 10
RECOVERY_CODE_BYTES = 10


def is_exempt(work: UnitOfWork, account: Account) -> bool:
    """Whether an account needs no second factor whatever it may do: in a demonstration, and a demo account anywhere.

    A deployment refuses to start while a demo account is active (demo_accounts.py).
    """
    settings = work.context.settings
    return not settings.second_factor or (settings.embedded and account.created_by == "system")


async def is_required(work: UnitOfWork, account: Account, grants: list[RoleGrant]) -> bool:
    """Whether the grants of an account hold a permission for which the rule requires a second factor."""
    if account.kind != "user" or is_exempt(work, account):
        return False
    permissions = (await work.get_rule(SECOND_FACTOR, region=account.region)).value.permissions
    return any(permissions & set(ROLES[grant.role]) for grant in grants)


async def is_active(work: UnitOfWork, account_id: str) -> bool:
    """Whether an account has a confirmed second factor."""
    factor = await repository.system_find_factor(work, account_id)
    return factor is not None and factor.confirmed_at is not None


async def matches_code(work: UnitOfWork, account_id: str, code: str) -> bool:
    """Whether a code is good for the confirmed second factor of an account, without using it up."""
    factor = await repository.system_find_factor(work, account_id)
    if factor is None or factor.confirmed_at is None:
        return False
    if _is_one_time_code(code):
        return _find_step(work, factor, code) is not None
    return await repository.system_find_unused_code(work, account_id, _digest(account_id, code)) is not None


async def use_code(work: UnitOfWork, account_id: str, code: str) -> bool:
    """Use a code up; False when it is not good, or was used by a concurrent request."""
    factor = await repository.system_find_factor(work, account_id, lock=True)
    if factor is None or factor.confirmed_at is None:
        return False
    if _is_one_time_code(code):
        return _use_step(work, factor, code)
    recovery = await repository.system_find_unused_code(
        work, account_id, _digest(account_id, code), lock=True
    )
    if recovery is None:
        return False
    recovery.used_at = work.at
    work.session.add(recovery)
    return True


def _is_one_time_code(code: str) -> bool:
    return code.isdecimal() and len(code) == 6  # noqa: PLR2004 - digits of a one-time code


def _find_step(work: UnitOfWork, factor: SecondFactor, code: str) -> int | None:
    """The time step whose code this is; None for a wrong one, or one not later than the last that was used."""
    secret = work.context.keyring.decrypt(factor.secret, associated_data=_associated_data(factor.account_id))
    generator, now = pyotp.TOTP(secret), int(work.at.timestamp())
    for offset in ACCEPTED_STEPS:
        step = now // STEP_S + offset
        if step > factor.last_step and hmac.compare_digest(generator.at(step * STEP_S), code):
            return step
    return None


def _use_step(work: UnitOfWork, factor: SecondFactor, code: str) -> bool:
    step = _find_step(work, factor, code)
    if step is not None:
        factor.last_step = step
        work.session.add(factor)
    return step is not None


async def _require_own_code(work: UnitOfWork, code: str, source: str) -> Account:
    """Use up a code of the caller and return their account.

    Raises Invalid for a wrong code, which counts as a failure from this source. The check comes before the first statement
    of `work`, since the failure is written in a transaction of its own.
    """
    context = work.context
    async with context.database.read() as session:
        reading = context.unit_of_work(session, work.actor)
        account = await _own_account(reading)
        lock = await lock_outs.find_lock(reading, CODE_KIND, account.id, source)
        good = lock is None and await matches_code(reading, account.id, code)
    if lock is not None:
        raise _wrong_code_error(lock_outs.describe_lock(lock, work.at))
    if not good:
        await lock_outs.record_failure(context, CODE_KIND, account.id, source, account=account, reason="code")
        raise _wrong_code_error()
    if not await use_code(work, account.id, code):
        raise _wrong_code_error()
    await work.session.flush()
    return await _own_account(work)


async def get_status(work: UnitOfWork) -> SecondFactorRead:
    """The state of the caller's own second factor."""
    account = await _own_account(work)
    grants = (await accounts.system_list_grants(work, [account.id], work.today))[account.id]
    return SecondFactorRead(
        active=await is_active(work, account.id),
        required=await is_required(work, account, grants),
        recovery_codes_left=await repository.system_count_unused_codes(work, account.id),
    )


async def create_secret(work: UnitOfWork) -> SecondFactorSecret:
    """A new secret for the caller, to be confirmed by a first code. Conflict while a confirmed one is there."""
    account = await _own_account(work)
    factor = await repository.system_find_factor(work, account.id, lock=True)
    if factor is not None and factor.confirmed_at is not None:
        raise Conflict("已启用动态口令; 更换前请先停用", "A second factor is active")
    secret = pyotp.random_base32()
    sealed = work.context.keyring.encrypt(secret, associated_data=_associated_data(account.id))
    if factor is None:
        factor = SecondFactor(account_id=account.id, secret=sealed, created_at=work.at)
    factor.secret, factor.created_at = sealed, work.at
    work.session.add(factor)
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.id, issuer_name=ISSUER_NAME)
    return SecondFactorSecret(secret=secret, uri=uri)


async def confirm_secret(work: UnitOfWork, code: str) -> RecoveryCodes:
    """Activate the caller's new secret by a first code; returns recovery codes. Invalid for a wrong code."""
    account = await _own_account(work)
    factor = await repository.system_find_factor(work, account.id, lock=True)
    if factor is None or factor.confirmed_at is not None:
        raise Conflict("没有待确认的动态口令, 请先申请密钥", "No secret waits for confirmation")
    if not _use_step(work, factor, code):
        raise _wrong_code_error()
    factor.confirmed_at = work.at
    work.session.add(factor)
    await publish_change(work, account, "activated")
    return await _create_codes(work, account.id)


async def renew_codes(work: UnitOfWork, code: str, source: str) -> RecoveryCodes:
    """New recovery codes for the caller; those before end. Invalid for a wrong code."""
    account = await _require_own_code(work, code, source)
    await publish_change(work, account, "codes_renewed")
    return await _create_codes(work, account.id)


async def remove_own(work: UnitOfWork, code: str, source: str) -> None:
    """Remove the caller's second factor by one of its codes; the next sign-in asks for a new one where it is required."""
    account = await _require_own_code(work, code, source)
    await repository.system_delete_factor(work, account.id)
    await publish_change(work, account, "removed")


async def remove_factor(work: UnitOfWork, account_id: str) -> None:
    """Remove the second factor of another person, who lost phone and paper, and end their sessions.

    Raises Forbidden for the caller's own accounts and for accounts with grants outside the caller's regions.
    """
    account = await accounts.get_account(work, account_id, USER_KIND, lock=True)
    work.actor.require(May.ACCOUNT_MANAGE, account.region)
    if work.actor.is_same_person(account.id):
        raise Forbidden("不能重置本人的动态口令", "Four eyes: another administrator must")
    await require_reach_over(work, account)
    if await repository.system_find_factor(work, account.id) is None:
        raise NotFound("该账号没有启用动态口令", "The account has no second factor")
    await repository.system_delete_factor(work, account.id)
    await sessions.system_end_account(work, account.id, "reset")
    await publish_change(work, account, "reset")


async def publish_change(work: UnitOfWork, account: Account, change: str) -> None:
    """Log what happened to the second factor of an account."""
    await log_event(work, account, SecondFactorChanged(account=account.id, change=change))


async def _create_codes(work: UnitOfWork, account_id: str) -> RecoveryCodes:
    await repository.system_delete_codes(work, account_id)
    codes = [_format_code(random.token_hex(RECOVERY_CODE_BYTES)) for _ in range(RECOVERY_CODE_COUNT)]
    work.session.add_all(
        RecoveryCode(digest=_digest(account_id, one), account_id=account_id, created_at=work.at)
        for one in codes
    )
    return RecoveryCodes(codes=codes)


def _format_code(text: str) -> str:
    """A code in groups of five, as people read it from paper."""
    return "-".join(text[at : at + 5] for at in range(0, len(text), 5))


def _digest(account_id: str, code: str) -> str:
    """SHA-256 of a recovery code as stored; a code of 80 random bits needs no slow hash."""
    plain = code.replace("-", "").lower()
    return hashlib.sha256(f"{account_id}\0{plain}".encode()).hexdigest()


def _associated_data(account_id: str) -> str:
    return f"identity:second_factor:{account_id}"


async def _own_account(work: UnitOfWork) -> Account:
    account = await accounts.system_find_account(work, work.actor.id)
    if account is None or account.kind != "user":
        raise NotFound("没有这个账号", "No such account")
    return account


def _wrong_code_error(detail: str = "动态口令不对或已用过, 请等下一个再试") -> Invalid:
    return Invalid(
        detail, "The code is wrong", errors=[FieldError("wrong_code", detail, "wrong code", "/code")]
    )
