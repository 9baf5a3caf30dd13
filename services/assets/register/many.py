"""Entering many assets at once: what a file holds, checked by who read it, written in a few statements."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

from services.assets.keeping.rhythm import next_visit
from services.assets.register import repository
from services.assets.register.acting import code_of
from services.assets.register.events import AssetEntered
from services.assets.register.fields import columns
from services.assets.register.kinds import Origin
from services.assets.register.lifecycle import ASSET, AssetAction, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetCreate
from shared.contracts.assets import AssetMoved
from shared.creates import digest
from shared.ids import new_id
from shared.log import Told, publish_many
from shared.work import Work

BREATH = 50
"""Rows after which others get their turn."""


async def enter(work: Work, bodies: Sequence[AssetCreate], origin: Origin) -> list[Asset]:
    """Drafts for sound bodies, in their order, each with its event. The caller has checked fields and regions."""
    assets = await _drafts(work, bodies, origin)
    return await _kept(work, assets, [_entered(asset) for asset in assets])


async def register(work: Work, bodies: Sequence[AssetCreate], origin: Origin, reason: str) -> list[Asset]:
    """The same, registered at once: complete bodies get their codes, as if each had been entered and registered."""
    assets = await _drafts(work, bodies, origin)
    told = []
    await _give_codes(work, assets)
    for asset in assets:
        told.append(_entered(asset))
        asset.previous_state = AssetState.DRAFT
        asset.state = ASSET.move(AssetState.DRAFT, AssetAction.REGISTER).target or AssetState.REGISTERED
        asset.registered_by, asset.registered_at = work.actor.id, work.at
        asset.inspect_due_on = await next_visit(work, asset)
        asset.version += 1
        moved = AssetMoved(
            asset_id=asset.id, project_id=asset.project_id, was=AssetState.DRAFT, now=asset.state
        )
        told.append(Told(moved, str(asset.id), asset.version, asset.region, reason=reason))
    return await _kept(work, assets, told)


async def _drafts(work: Work, bodies: Sequence[AssetCreate], origin: Origin) -> list[Asset]:
    assets = []
    for at, body in enumerate(bodies):
        assets.append(_draft(work, body, origin))
        if at % BREATH == 0:
            await asyncio.sleep(0)
    return assets


def _draft(work: Work, body: AssetCreate, origin: Origin) -> Asset:
    given: dict[str, Any] = columns(body.model_dump(exclude={"id", "region", "happened_at"}))
    return Asset(
        **given,
        id=new_id(),
        region=body.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        created_digest=digest(body),
        origin=origin,
        state=AssetState.DRAFT,
        state_since=work.at,
        use=UseState.IN_USE,
        use_since=work.at,
    )


def _entered(asset: Asset) -> Told:
    event = AssetEntered(asset_id=asset.id, origin=asset.origin, project_id=asset.project_id)
    return Told(event, str(asset.id), asset.version, asset.region)


async def _give_codes(work: Work, assets: Sequence[Asset]) -> None:
    """Serial numbers taken per district, year and class in one order, so that two files never wait in a ring."""
    groups: dict[tuple[str, int, str], list[Asset]] = {}
    for asset in assets:
        groups.setdefault((asset.region[:6], asset.year, asset.asset_class.letters), []).append(asset)
    for (district, year, letters), members in sorted(groups.items()):
        first = await repository.system_serials(work, district, year, letters, len(members))
        for asset, serial in zip(members, count(first), strict=False):
            asset.code = code_of(district, year, letters, serial)


async def _kept(work: Work, assets: list[Asset], told: Sequence[Told]) -> list[Asset]:
    work.session.add_all(assets)
    await work.session.flush()
    await repository.index(work, assets)
    await publish_many(work.session, told, actor=work.actor, at=work.at)
    return assets
