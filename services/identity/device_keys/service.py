"""Register and revoke device keys; say in whose name and rights a signed item is played."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from uuid import UUID

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from services.identity.accounts import repository as accounts
from services.identity.accounts.models import Account
from services.identity.device_keys import repository
from services.identity.device_keys.models import DeviceKey
from services.identity.device_keys.schemas import ActorRead, DeviceKeyCreate, EndedGrant
from services.identity.sessions.service import build_actor_claims
from shared.clients.identity import DeviceKeyChanged
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.records import log_event
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

MAX_VALID_KEYS = 20
"""Keys of one person that are not revoked."""


async def register_key(work: UnitOfWork, body: DeviceKeyCreate) -> DeviceKey:
    """Register the caller's key; the same key again answers what stands, Conflict when it was revoked."""
    account = await _get_own_account(work)
    jwk = body.public_key.model_dump()
    try:
        thumbprint = ECKey.import_key(jwk).thumbprint()
    except (JoseError, ValueError) as error:
        words = "公钥不在 P-256 曲线上"
        found = [FieldError("not_a_key", words, "not a point of P-256", "/public_key")]
        raise Invalid(words, "Not a P-256 key", errors=found) from error
    known = await repository.find_own_key(work, thumbprint)
    if known is not None and known.revoked_at is not None:
        raise Conflict("这个密钥已注销, 请在手机上重新生成", "This key was revoked")
    if known is not None:
        return known
    if len(await repository.system_list_valid_keys(work, account.id)) >= MAX_VALID_KEYS:
        raise Conflict(
            f"最多登记 {MAX_VALID_KEYS} 部手机, 请先注销不用的", "Too many device keys; revoke some first"
        )
    key = DeviceKey(
        id=new_id(),
        account_id=account.id,
        thumbprint=thumbprint,
        public_key=jwk,
        name=body.name,
        registered_at=work.at,
    )
    work.session.add(key)
    await log_event(work, account, DeviceKeyChanged(account=account.id, key=thumbprint, change="registered"))
    return key


async def revoke_key(work: UnitOfWork, key_id: UUID) -> None:
    """Revoke one of the caller's keys: what it signed and was not played yet is held."""
    key = await repository.get_own_key(work, key_id)
    if key.revoked_at is None:
        key.revoked_at = work.at
        work.session.add(key)
        changed = DeviceKeyChanged(account=key.account_id, key=key.thumbprint, change="revoked")
        await log_event(work, await _get_own_account(work), changed)


async def get_actor(work: UnitOfWork, account_id: str) -> ActorRead:
    """The grants of now and the valid keys of an account; NotFound when there is none or it is disabled."""
    account = await accounts.system_find_account(work, account_id)
    if account is None or account.disabled:
        raise NotFound("没有这个账号, 或账号已停用", "No such account, or it is disabled")
    keys = await repository.system_list_valid_keys(work, account.id)
    return ActorRead(
        claims=await build_actor_claims(work, account),
        keys={key.thumbprint: key.public_key for key in keys},
    )


async def list_ended_grants(work: UnitOfWork, account_id: str) -> list[EndedGrant]:
    """The grants that an account held and holds no more: those whose last day is over, and those that were withdrawn."""
    changes = await repository.system_list_grant_changes(work, account_id)
    rows = (await accounts.system_list_grants(work, [account_id]))[account_id]
    over = [
        EndedGrant(
            role=row.role,
            region=row.region,
            since=datetime.combine(row.valid_from, time.min, CHINA_TIME_ZONE),
            until=datetime.combine(row.valid_to + timedelta(days=1), time.min, CHINA_TIME_ZONE),
        )
        for row in rows
        if row.valid_to is not None and row.valid_to < work.today
    ]
    return [*over, *_list_withdrawn_grants(changes)]


def _list_withdrawn_grants(changes: list[tuple[datetime, set[tuple[str, str]]]]) -> Iterator[EndedGrant]:
    since: dict[tuple[str, str], datetime] = {}
    for at, held in changes:
        for role, region in sorted(since.keys() - held):
            yield EndedGrant(role=role, region=region, since=since.pop((role, region)), until=at)
        since = {one: since.get(one, at) for one in held}


async def _get_own_account(work: UnitOfWork) -> Account:
    account = await accounts.system_find_account(work, work.actor.id)
    if account is None:
        raise NotFound("没有这个账号", "No such account")
    return account
