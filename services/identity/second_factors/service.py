"""Set up, check and remove second factors. Rule `auth.second_factor` names the permissions that require one."""

import hashlib
import hmac
import secrets as random

import pyotp

from services.identity.accounts import repository as accounts
from services.identity.accounts.models import Account, RoleGrant
from services.identity.accounts.service import USER_KIND, require_reach_over
from services.identity.lock_outs import service as lock_outs
from services.identity.passkeys import repository as passkeys_of
from services.identity.passkeys import service as passkeys
from services.identity.passkeys.models import Ceremony
from services.identity.passkeys.schemas import PasskeyRead
from services.identity.passkeys.service import PasskeyRefused
from services.identity.policy import SECOND_FACTOR
from services.identity.second_factors import repository
from services.identity.second_factors.models import RecoveryCode, SecondFactor
from services.identity.second_factors.schemas import (
    FactorProof,
    RecoveryCodes,
    SecondFactorRead,
    SecondFactorSecret,
)
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
    """Whether an account has a confirmed second factor: one-time codes or a passkey."""
    return await has_one_time_codes(work, account_id) or (
        await passkeys_of.system_count_passkeys(work, account_id) > 0
    )


async def has_one_time_codes(work: UnitOfWork, account_id: str) -> bool:
    """Whether an account has confirmed one-time codes."""
    factor = await repository.system_find_factor(work, account_id)
    return factor is not None and factor.confirmed_at is not None


async def matches_code(work: UnitOfWork, account_id: str, code: str) -> bool:
    """Whether a one-time or recovery code is good for an account, without using it up."""
    if not _is_one_time_code(code):
        return (
            await repository.system_find_unused_code(work, account_id, _digest(account_id, code)) is not None
        )
    factor = await repository.system_find_factor(work, account_id)
    if factor is None or factor.confirmed_at is None:
        return False
    return _find_step(work, factor, code) is not None


async def use_code(work: UnitOfWork, account_id: str, code: str) -> bool:
    """Use a code up; False when it is not good, or was used by a concurrent request."""
    if _is_one_time_code(code):
        factor = await repository.system_find_factor(work, account_id, lock=True)
        return factor is not None and factor.confirmed_at is not None and _use_step(work, factor, code)
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


def _find_step(work: UnitOfWork, factor: SecondFactor, code: str, *, replacement: bool = False) -> int | None:
    """The time step whose code this is; None for a wrong one, or one not later than the last that was used.

    A code of the `replacement` is compared with the secret that waits to take the other's place.
    """
    sealed, last = (factor.replacement or "", 0) if replacement else (factor.secret, factor.last_step)
    secret = work.context.keyring.decrypt(sealed, associated_data=_associated_data(factor.account_id))
    generator, now = pyotp.TOTP(secret), int(work.at.timestamp())
    for offset in ACCEPTED_STEPS:
        step = now // STEP_S + offset
        if step > last and hmac.compare_digest(generator.at(step * STEP_S), code):
            return step
    return None


def _use_step(work: UnitOfWork, factor: SecondFactor, code: str) -> bool:
    step = _find_step(work, factor, code)
    if step is not None:
        factor.last_step = step
        work.session.add(factor)
    return step is not None


async def require_proof(work: UnitOfWork, proof: FactorProof, source: str) -> Account:
    """Use up a code or a passkey's signature of the caller and return their account.

    Raises Invalid for a wrong one, which counts as a failure from this source. The check comes before the first statement
    of `work`, since the failure is written in a transaction of its own.
    """
    context, code = work.context, proof.code
    async with context.database.read() as session:
        reading = context.unit_of_work(session, work.actor)
        account = await get_own_account(reading)
        lock = await lock_outs.find_lock(reading, CODE_KIND, account.id, source)
        good = lock is None and (code is None or await matches_code(reading, account.id, code))
    if lock is not None:
        raise _wrong_code_error(lock_outs.describe_lock(lock, work.at))
    refused = None if good else ("code", _wrong_code_error())
    if proof.passkey is not None:
        try:
            await passkeys.use_assertion(
                context, account.id, work.actor.session, Ceremony.PROOF, proof.passkey
            )
        except PasskeyRefused as error:
            refused = (f"passkey_{error.reason}", build_passkey_error(error, "/passkey"))
    if refused is not None:
        reason, problem = refused
        await lock_outs.record_failure(context, CODE_KIND, account.id, source, account=account, reason=reason)
        raise problem
    if code is not None and not await use_code(work, account.id, code):
        raise _wrong_code_error()
    await work.session.flush()
    return await get_own_account(work)


async def require_proof_of_active(work: UnitOfWork, proof: FactorProof | None, source: str) -> None:
    """`require_proof` of a caller who has a second factor: another one is added, or one replaced, by its holder only.

    Raises Conflict for such a caller without a proof.
    """
    async with work.context.database.read() as session:
        active = await is_active(work.context.unit_of_work(session, work.actor), work.actor.id)
    if active and proof is None:
        raise Conflict(
            "已启用双因素; 再加或更换须以动态口令、恢复码或通行密钥确认",
            "A second factor is active: confirm by it",
        )
    if active and proof is not None:
        await require_proof(work, proof, source)


async def require_other_factor(work: UnitOfWork, account: Account) -> None:
    """Conflict when an account has no second factor left although its grants require one; without one, codes end."""
    if await is_active(work, account.id):
        return
    grants = (await accounts.system_list_grants(work, [account.id], work.today))[account.id]
    if await is_required(work, account, grants):
        raise Conflict(
            "您的角色要求双因素, 不能停用最后一种; 请先加上另一种, 或更换动态口令",
            "Your roles require a second factor",
        )
    await repository.system_delete_codes(work, account.id)


async def get_status(work: UnitOfWork) -> SecondFactorRead:
    """The state of the caller's own second factors."""
    account = await get_own_account(work)
    grants = (await accounts.system_list_grants(work, [account.id], work.today))[account.id]
    one_time_codes = await has_one_time_codes(work, account.id)
    keys = await passkeys_of.system_list_passkeys(work, account.id)
    party = passkeys.find_relying_party(work.context.settings)
    return SecondFactorRead(
        active=one_time_codes or bool(keys),
        required=await is_required(work, account, grants),
        recovery_codes_left=await repository.system_count_unused_codes(work, account.id),
        one_time_codes=one_time_codes,
        passkeys=[PasskeyRead.model_validate(one) for one in keys],
        passkey_origin=party.origin if party else "",
        passkey_obstacle=passkeys.describe_obstacle(work.context.settings),
    )


async def create_secret(work: UnitOfWork, proof: FactorProof | None, source: str) -> SecondFactorSecret:
    """A new secret for the caller, to be confirmed by a first code; where one is in use it goes on until then.

    Conflict for a caller with a second factor and without a proof, Invalid for a wrong proof.
    """
    await require_proof_of_active(work, proof, source)
    account = await get_own_account(work)
    factor = await repository.system_find_factor(work, account.id, lock=True)
    secret = pyotp.random_base32()
    sealed = work.context.keyring.encrypt(secret, associated_data=_associated_data(account.id))
    if factor is None:
        factor = SecondFactor(account_id=account.id, secret=sealed, created_at=work.at)
    elif factor.confirmed_at is None:
        factor.secret, factor.created_at = sealed, work.at
    else:
        factor.replacement = sealed
    work.session.add(factor)
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.id, issuer_name=ISSUER_NAME)
    return SecondFactorSecret(secret=secret, uri=uri)


async def confirm_secret(work: UnitOfWork, code: str) -> RecoveryCodes:
    """Activate the caller's new secret by a first code; returns recovery codes. Invalid for a wrong code."""
    account = await get_own_account(work)
    factor = await repository.system_find_factor(work, account.id, lock=True)
    replaced = factor is not None and factor.confirmed_at is not None
    if factor is None or (replaced and factor.replacement is None):
        raise Conflict("没有待确认的动态口令, 请先申请密钥", "No secret waits for confirmation")
    step = _find_step(work, factor, code, replacement=replaced)
    if step is None:
        raise _wrong_code_error()
    factor.secret, factor.replacement = factor.replacement or factor.secret, None
    factor.last_step, factor.confirmed_at = step, work.at
    work.session.add(factor)
    await publish_change(work, account, "replaced" if replaced else "activated")
    return await create_codes(work, account.id)


async def renew_codes(work: UnitOfWork, proof: FactorProof, source: str) -> RecoveryCodes:
    """New recovery codes for the caller; those before end. Invalid for a wrong proof."""
    account = await require_proof(work, proof, source)
    await publish_change(work, account, "codes_renewed")
    return await create_codes(work, account.id)


async def remove_own(work: UnitOfWork, proof: FactorProof, source: str) -> None:
    """Remove the caller's one-time codes. Invalid for a wrong proof, Conflict for the last factor of who must have one."""
    account = await require_proof(work, proof, source)
    await repository.system_delete_one_time_codes(work, account.id)
    await require_other_factor(work, account)
    await publish_change(work, account, "removed")


async def remove_factor(work: UnitOfWork, account_id: str) -> None:
    """Remove the second factors of another person, who lost phone and paper, and end their sessions.

    Raises Forbidden for the caller's own accounts and for accounts with grants outside the caller's regions.
    """
    account = await accounts.get_account(work, account_id, USER_KIND, lock=True)
    work.actor.require(May.ACCOUNT_MANAGE, account.region)
    if work.actor.is_same_person(account.id):
        raise Forbidden("不能重置本人的双因素", "Four eyes: another administrator must")
    await require_reach_over(work, account)
    if not await repository.system_delete_factor(work, account.id):
        raise NotFound("该账号没有启用双因素", "The account has no second factor")
    await sessions.system_end_account(work, account.id, "reset")
    await publish_change(work, account, "reset")


async def publish_change(work: UnitOfWork, account: Account, change: str, passkey: str = "") -> None:
    """Log what happened to the second factors of an account, to which passkey."""
    changed = SecondFactorChanged(account=account.id, change=change, passkey=passkey)
    await log_event(work, account, changed)


async def create_codes(work: UnitOfWork, account_id: str) -> RecoveryCodes:
    """Ten new recovery codes of an account; those before end."""
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


async def get_own_account(work: UnitOfWork) -> Account:
    """The caller's account; NotFound for a machine."""
    account = await accounts.system_find_account(work, work.actor.id)
    if account is None or account.kind != "user":
        raise NotFound("没有这个账号", "No such account")
    return account


def build_passkey_error(refused: PasskeyRefused, pointer: str) -> Invalid:
    """The refusal of a passkey as a problem."""
    return Invalid(
        refused.text,
        "The passkey was refused",
        errors=[FieldError(f"passkey_{refused.reason}", refused.text, "passkey refused", pointer)],
    )


def _wrong_code_error(detail: str = "动态口令不对或已用过, 请等下一个再试") -> Invalid:
    return Invalid(
        detail, "The code is wrong", errors=[FieldError("wrong_code", detail, "wrong code", "/code")]
    )
