"""Entering, changing and reading assets."""

from typing import Any

from services.assets.register import repository
from services.assets.register.acting import offered
from services.assets.register.events import AssetChanged, AssetEntered
from services.assets.register.fields import checked, columns
from services.assets.register.kinds import AssetClass, Origin, OwnerKind, Right, Track
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import (
    FIXED,
    AssetChange,
    AssetCreate,
    AssetDetail,
    AssetRead,
    Codes,
    UseChangeRead,
)
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.permissions import May
from shared.work import Work, plain

CHANGEABLE = frozenset(
    {AssetState.DRAFT, AssetState.REGISTERED, AssetState.CONFIRMED, AssetState.HANDED_OVER}
)


async def enter(work: Work, body: AssetCreate) -> Asset:
    """An older asset as a draft. Invalid when the fields contradict each other; nothing is counted before it is registered."""
    work.actor.require(May.ASSET_REGISTER, body.region)
    when = body.happened_at or work.at
    if when > work.at:
        raise Invalid("补登时间不能晚于现在", "happened_at lies in the future")
    given = body.model_dump(exclude={"id", "region", "happened_at"})
    given |= await _of_project(work, given)
    await checked(work, body.asset_class, given)
    asset, fresh = await create(
        work,
        Asset,
        body,
        region=body.region,
        id=body.id,
        origin=Origin.MANUAL,
        state=AssetState.DRAFT,
        state_since=when,
        use=UseState.IN_USE,
        use_since=when,
        **columns(given),
    )
    if fresh:
        await repository.index(work, [asset])
        event = AssetEntered(asset_id=asset.id, origin=asset.origin, project_id=asset.project_id)
        await work.tell(event, asset, happened_at=when)
    return asset


async def _of_project(work: Work, given: dict[str, Any]) -> dict[str, Any]:
    """The project's name as the library has it. Invalid when the library told of no such project here."""
    if given.get("project_id") is None:
        return {}
    card = await repository.card(work, given["project_id"])
    if card is None:
        words = "项目库没有这个项目; 不在库内的老项目请只填形成项目名称"
        fault = Fault("no_such_project", words, "No such project", "/project_id")
        raise Invalid(words, "No such project", faults=[fault])
    return {"project_name": card.name}


async def change(work: Work, asset: Asset, body: AssetChange, match: Match) -> Asset:
    """Change an asset the caller holds locked. Once registered, its identity is fixed and every change has a reason."""
    work.actor.require(May.ASSET_REGISTER, asset.region)
    match.require(asset)
    given = body.model_dump(exclude_unset=True, exclude={"reason"})
    _refuse_fixed(asset, given, body.reason)
    given |= await _of_project(work, given)
    if "region" in given:
        work.actor.require(May.ASSET_REGISTER, given["region"])
    await checked(
        work, given.get("asset_class", asset.asset_class), _as_it_would_be(asset, given), changed=given
    )
    values = columns(given)
    before = {name: getattr(asset, name) for name in values if getattr(asset, name) != values[name]}
    for name, value in values.items():
        setattr(asset, name, value)
    asset.version += 1
    asset.updated_at = work.at
    work.session.add(asset)
    await repository.index(work, [asset])
    event = AssetChanged(asset_id=asset.id, fields=sorted(before))
    await work.tell(event, asset, before=plain(before), reason=body.reason)
    return asset


def _refuse_fixed(asset: Asset, given: dict[str, Any], reason: str) -> None:
    if asset.state not in CHANGEABLE or asset.use is UseState.DISPOSED:
        state = UseState.DISPOSED.label if asset.use is UseState.DISPOSED else asset.state.label
        raise Conflict(f"资产{state}, 不能再修改", f"The asset is {asset.state}")
    if asset.state is AssetState.DRAFT:
        return
    if fixed := sorted(FIXED & set(given)):
        words = "登记后不能直接修改, 请退回更正、办理权属变更或价值调整"
        faults = [Fault("fixed", words, "fixed once registered", f"/{name}") for name in fixed]
        raise Conflict(words, "Fixed once registered", faults=faults)
    if not reason.strip():
        raise Invalid(
            "登记后修改须写明理由",
            "A reason is needed",
            faults=[Fault("no_reason", "须写明理由", "A reason is needed", "/reason")],
        )


def _as_it_would_be(asset: Asset, given: dict[str, Any]) -> dict[str, Any]:
    names = ("subclass", "built_on", "original_value", "funding", "owner_kind", "track")
    return {name: getattr(asset, name) for name in names} | given


async def detail(work: Work, asset: Asset) -> AssetDetail:
    """An asset, how its use changed, and what the caller could do with it."""
    changes = await repository.use_changes(work, asset.id)
    return AssetDetail.model_construct(
        **dict(AssetRead.model_validate(asset)),
        use_changes=[UseChangeRead.model_validate(one) for one in changes],
        available_actions=await offered(work, asset),
    )


async def codes(work: Work) -> Codes:
    """Every code with its label, the subclasses as today's rule has them."""
    rule = await work.rule("codes.subclass")
    return Codes(
        asset_class=AssetClass.labels(),
        subclass=rule.value,
        funding=(await work.rule("codes.funding")).value,
        owner_kind=OwnerKind.labels(),
        right=Right.labels(),
        track=Track.labels(),
        origin=Origin.labels(),
        state=AssetState.labels(),
        use=UseState.labels(),
    )
