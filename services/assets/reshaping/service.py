"""Splitting one asset and merging several: value in equals value out, and every new record has its own code."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col

from services.assets.book import service as book
from services.assets.keeping import service as keeping
from services.assets.refusals import not_now, wrong
from services.assets.register import repository as register
from services.assets.register.acting import Paper, act, issue_certificate, issue_code
from services.assets.register.kinds import Origin
from services.assets.register.lifecycle import AssetAction, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetAct, AssetRead
from services.assets.reshaping import repository
from services.assets.reshaping.likeness import added_up, differences, shared_out, together
from services.assets.reshaping.models import AssetLink
from services.assets.reshaping.schemas import MergePost, Reshaped, SplitPost
from services.assets.scoped import repository as scoped
from shared.contracts.assets import AssetReshaped
from shared.ids import new_id
from shared.money import yuan
from shared.permissions import May
from shared.work import Work

# What a new record takes over from the old one: everything but its identity and what it is said to be.
OWN = {"id", "code", "name", "original_value", "funding", "quantity", "specification", "subclass", "origin", "version",
       "created_at", "created_by", "updated_at", "created_digest", "built_index", "registered_by", "adjusted"}  # fmt: skip


async def split(work: Work, asset_id: UUID, body: SplitPost) -> Reshaped:
    """Parts that add up to the asset, each in its state and owner. Invalid when they do not add up."""
    asset = await register.get(work, asset_id, lock=True)
    total = sum(part.original_value for part in body.parts)
    if total != asset.original_value:
        detail = f"各项合计 {yuan(total)} 元, 原资产 {yuan(asset.original_value)} 元, 相差 {yuan(total - asset.original_value)} 元"
        raise wrong("value_not_kept", detail, "/parts", "The parts do not add up to the asset")
    state = asset.state
    await _close(work, [asset], body)
    values = [part.original_value for part in body.parts]
    funding = shared_out(asset.funding, values)
    new = [
        await _make(
            work,
            asset,
            state,
            Origin.SPLIT,
            value=part.original_value,
            funding=funding[at],
            name=part.name,
            quantity=part.quantity,
            specification=part.specification,
            subclass=part.subclass or asset.subclass,
        )
        for at, part in enumerate(body.parts)
    ]
    await book.carry_over(work, asset, new)
    for one in new:
        await keeping.carry_over(work, asset, one)
    await _link(work, [asset], new, [(asset, one, one.original_value) for one in new])
    return _shown([asset], new)


async def merge(work: Work, body: MergePost) -> Reshaped:
    """One asset for several of the same class, owner, place and state. Invalid says in what they differ."""
    if len(set(body.asset_ids)) < len(body.asset_ids):
        raise wrong("twice", "同一资产列了两次", "/asset_ids", "An asset is named twice")
    old = await scoped.some(work, Asset, col(Asset.id).in_(body.asset_ids), lock=True)
    if lost := set(body.asset_ids) - {one.id for one in old}:
        raise wrong("no_such_asset", f"没有这项资产: {min(lost)}", "/asset_ids", "There is no such asset")
    if different := differences(old):
        detail = "只能合并同村、同项目、同类别、同所有权人、同状态的资产; 这些资产不同的是: " + "、".join(
            different
        )
        raise wrong("unlike", detail, "/asset_ids", "The assets differ")
    first, state = min(old, key=lambda one: one.year), old[0].state
    await _close(work, old, body)
    one = await _make(
        work,
        first,
        state,
        Origin.MERGE,
        value=sum(asset.original_value for asset in old),
        funding=added_up([part for asset in old for part in asset.funding]),
        name=body.name,
        quantity=body.quantity,
        specification=body.specification,
        subclass=first.subclass,
        **together(old),
    )
    for asset in old:
        await book.carry_over(work, asset, [one])
    if one.keeper_name:
        await keeping.carry_over(work, first, one)
    await _link(work, old, [one], [(asset, one, asset.original_value) for asset in old])
    return _shown(old, [one])


async def _close(work: Work, assets: Sequence[Asset], body: SplitPost | MergePost) -> None:
    words = AssetAct(reason=f"{body.reason} {body.document_no}".strip(), happened_at=body.happened_at)
    for asset in assets:
        work.actor.require(May.ASSET_APPROVE, asset.region)
        if asset.use is UseState.DISPOSED:
            raise not_now("disposed", f"{asset.name}已处置, 不能再拆并", "The asset was disposed of")
    names = {asset.id: asset.name for asset in assets}
    if tied := await repository.tied(work, list(names)):
        detail = "请先办结再拆并: " + "、".join(f"{names[one]}的{words}" for one, words in tied)
        raise not_now("under_way", detail, "Something is under way on the asset")
    for asset in assets:
        await act(work, asset, AssetAction.SUPERSEDE, words, paper=Paper(reshaped=True))


async def _make(
    work: Work,
    asset: Asset,
    state: AssetState,
    origin: Origin,
    *,
    value: int,
    **said: Any,  # noqa: ANN401 - columns
) -> Asset:
    taken = {name: getattr(asset, name) for name in Asset.model_fields if name not in OWN}
    new = Asset(
        **taken | {"state": state, "previous_state": None} | said,
        id=new_id(),
        origin=origin,
        original_value=value,
        registered_by=work.actor.id,
        version=1,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
    )
    new.code = await issue_code(work, new)
    if asset.certificate_no:
        new.certificate_no = await issue_certificate(work, new, work.today.year)
    work.session.add(new)
    await work.session.flush()
    return new


async def _link(
    work: Work, old: Sequence[Asset], new: Sequence[Asset], links: Sequence[tuple[Asset, Asset, int]]
) -> None:
    work.session.add_all(
        AssetLink(old_id=before.id, new_id=after.id, region=after.region, value=value)
        for before, after, value in links
    )
    await register.index(work, new)
    for asset in new:
        event = AssetReshaped(
            asset_id=asset.id, project_id=asset.project_id, out_of=tuple(one.id for one in old)
        )
        await work.tell(event, asset)


def _shown(old: Sequence[Asset], new: Sequence[Asset]) -> Reshaped:
    return Reshaped(
        old=[AssetRead.model_validate(one) for one in old], new=[AssetRead.model_validate(one) for one in new]
    )
