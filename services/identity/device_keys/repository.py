"""Queries over device keys."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.identity.device_keys.models import DeviceKey
from shared.clients.identity import AccountChanged
from shared.db import event_log, execute_core
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


MAX_GRANT_CHANGES = 200


async def system_list_grant_changes(
    work: UnitOfWork, account_id: str
) -> list[tuple[datetime, set[tuple[str, str]]]]:
    """When the grants of an account changed, and which it held from then on, the oldest first."""
    log = event_log.c
    query = sa.select(log.ingested_at, log.after).where(
        log.subject == account_id, log.type == AccountChanged.topic
    )
    found = await execute_core(work.session, query.order_by(log.seq.desc()).limit(MAX_GRANT_CHANGES))
    return [(row.ingested_at, {(one[0], one[1]) for one in row.after["grants"]}) for row in found][::-1]
