"""Queries over device keys."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from services.identity.device_keys.models import DeviceKey
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork


async def list_own_keys(work: UnitOfWork) -> Sequence[DeviceKey]:
    """The caller's keys, the latest first."""
    query = select(DeviceKey).where(DeviceKey.account_id == work.actor.id)
    return (await work.session.exec(query.order_by(col(DeviceKey.registered_at).desc()).limit(200))).all()


async def find_own_key(work: UnitOfWork, thumbprint: str) -> DeviceKey | None:
    """The caller's key of that thumbprint, revoked or not."""
    query = select(DeviceKey).where(DeviceKey.account_id == work.actor.id, DeviceKey.thumbprint == thumbprint)
    return (await work.session.exec(query)).first()


async def get_own_key(work: UnitOfWork, key_id: UUID) -> DeviceKey:
    """One of the caller's keys, locked; NotFound for another's."""
    query = select(DeviceKey).where(DeviceKey.account_id == work.actor.id, DeviceKey.id == key_id)
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound("没有这个设备密钥", "No such device key")
    return found


async def system_list_valid_keys(work: UnitOfWork, account_id: str) -> Sequence[DeviceKey]:
    """The keys of an account that were not revoked."""
    query = select(DeviceKey).where(DeviceKey.account_id == account_id, col(DeviceKey.revoked_at).is_(None))
    return (await work.session.exec(query)).all()
