"""Use cases of split and merge: the total value is unchanged, and every new asset has its own code."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import col

from services.assets import repository_base as records
from services.assets.book import service as book
from services.assets.book.calculation import split_parts
from services.assets.custody import service as custody
from services.assets.errors import conflict
from services.assets.register import repository as register
from services.assets.register.lifecycle import AssetAction, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetOrigin, AssetRead, AssetTransitionRequest
from services.assets.register.service import (
    DocumentContext,
    issue_certificate_no,
    issue_code,
    transition_asset,
)
from services.assets.split_merge import repository
from services.assets.split_merge.calculation import (
    combine_fields,
    find_differences,
    split_funding,
    sum_funding,
)
from services.assets.split_merge.models import AssetLink
from services.assets.split_merge.schemas import MergePost, SplitMergeResult, SplitPost
from shared.auth import May
from shared.china import format_yuan
from shared.clients.assets import AssetReshaped
from shared.db import new_id
from shared.errors import invalid_field
from shared.records import log_event
from shared.unit_of_work import UnitOfWork

# Fields that a successor does not inherit: its identity, its value and its own description.
OWN_FIELDS = {"id", "code", "name", "original_value", "funding", "quantity", "specification", "subclass", "origin", "version",
       "created_at", "created_by", "updated_at", "created_digest", "built_index", "registered_by", "adjusted"}  # fmt: skip


async def split_asset(work: UnitOfWork, asset_id: UUID, body: SplitPost) -> SplitMergeResult:
    """Split an asset into parts with its state and owner. Invalid when the values do not add up to the asset's."""
    asset = await register.get_asset(work, asset_id, lock=True)
    total = sum(part.original_value for part in body.parts)
    if total != asset.original_value:
        detail = (
            f"各项合计 {format_yuan(total)} 元, 原资产 {format_yuan(asset.original_value)} 元, "
            f"相差 {format_yuan(total - asset.original_value)} 元"
        )
        raise invalid_field("value_not_kept", detail, "/parts", "The parts do not add up to the asset")
    state = asset.state
    parts = await book.get_value_parts(work, asset)
    await _supersede_assets(work, [asset], body)
    values = [part.original_value for part in body.parts]
    funding = split_funding(asset.funding, values)
    successors = [
        await _create_successor(
            work,
            asset,
            state,
            AssetOrigin.SPLIT,
            value=part.original_value,
            funding=funding[index],
            name=part.name,
            quantity=part.quantity,
            specification=part.specification,
            subclass=part.subclass or asset.subclass,
        )
        for index, part in enumerate(body.parts)
    ]
    await book.copy_adjustments(work, asset, successors)
    shares = split_parts(
        parts,
        [part.accumulated for part in parts],
        [successor.original_value + successor.adjusted for successor in successors],
        work.today,
    )
    await book.open_books(work, successors, shares)
    for successor in successors:
        await custody.copy_keeper(work, asset, successor)
    await _insert_links(
        work, [asset], successors, [(asset, successor, successor.original_value) for successor in successors]
    )
    return _build_result([asset], successors)


async def merge_assets(work: UnitOfWork, body: MergePost) -> SplitMergeResult:
    """Merge assets of the same class, owner, region and state into one. Invalid names the fields that differ."""
    if len(set(body.asset_ids)) < len(body.asset_ids):
        raise invalid_field("twice", "同一资产列了两次", "/asset_ids", "An asset is named twice")
    old = await records.list_records(work, Asset, col(Asset.id).in_(body.asset_ids), lock=True)
    if missing := set(body.asset_ids) - {asset.id for asset in old}:
        raise invalid_field(
            "no_such_asset", f"没有这项资产: {min(missing)}", "/asset_ids", "There is no such asset"
        )
    if differences := find_differences(old):
        detail = "只能合并同村、同项目、同类别、同所有权人、同状态的资产; 这些资产不同的是: " + "、".join(
            differences
        )
        raise invalid_field("unlike", detail, "/asset_ids", "The assets differ")
    first, state = min(old, key=lambda asset: asset.built_on or date.max), old[0].state
    parts = [part for asset in old for part in await book.get_value_parts(work, asset)]
    await _supersede_assets(work, old, body)
    successor = await _create_successor(
        work,
        first,
        state,
        AssetOrigin.MERGE,
        value=sum(asset.original_value for asset in old),
        funding=sum_funding([part for asset in old for part in asset.funding]),
        name=body.name,
        quantity=body.quantity,
        specification=body.specification,
        subclass=first.subclass,
        **combine_fields(old),
    )
    for asset in old:
        await book.copy_adjustments(work, asset, [successor])
    await book.open_books(work, [successor], [parts])
    if successor.keeper_name:
        await custody.copy_keeper(work, first, successor)
    links = [(asset, successor, asset.original_value) for asset in old]
    await _insert_links(work, old, [successor], links)
    return _build_result(old, [successor])


async def _supersede_assets(work: UnitOfWork, assets: Sequence[Asset], body: SplitPost | MergePost) -> None:
    request = AssetTransitionRequest(
        reason=f"{body.reason} {body.document_no}".strip(), happened_at=body.happened_at
    )
    for asset in assets:
        work.actor.require(May.ASSET_APPROVE, asset.region)
        if asset.use is UseState.DISPOSED:
            raise conflict("disposed", f"{asset.name}已处置, 不能再拆并", "The asset was disposed of")
    names = {asset.id: asset.name for asset in assets}
    if open_matters := await repository.list_open_matters(work, list(names)):
        detail = "请先办结再拆并: " + "、".join(
            f"{names[asset_id]}的{label}" for asset_id, label in open_matters
        )
        raise conflict("under_way", detail, "Something is under way on the asset")
    for asset in assets:
        await transition_asset(
            work, asset, AssetAction.SUPERSEDE, request, document=DocumentContext(is_split_or_merge=True)
        )


async def _create_successor(
    work: UnitOfWork,
    asset: Asset,
    state: AssetState,
    origin: AssetOrigin,
    *,
    value: int,
    **columns: Any,  # noqa: ANN401 - columns
) -> Asset:
    inherited = {name: getattr(asset, name) for name in Asset.model_fields if name not in OWN_FIELDS}
    new = Asset(
        **inherited | {"state": state, "previous_state": None} | columns,
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
        new.certificate_no = await issue_certificate_no(work, new, work.today.year)
    work.session.add(new)
    await work.session.flush()
    return new


async def _insert_links(
    work: UnitOfWork, old: Sequence[Asset], new: Sequence[Asset], links: Sequence[tuple[Asset, Asset, int]]
) -> None:
    work.session.add_all(
        AssetLink(old_id=before.id, new_id=after.id, region=after.region, value=value)
        for before, after, value in links
    )
    await register.index_assets(work, new)
    for asset in new:
        event = AssetReshaped(
            asset_id=asset.id, project_id=asset.project_id, out_of=tuple(asset.id for asset in old)
        )
        await log_event(work, asset, event)


def _build_result(old: Sequence[Asset], new: Sequence[Asset]) -> SplitMergeResult:
    return SplitMergeResult(
        old=[AssetRead.model_validate(asset) for asset in old],
        new=[AssetRead.model_validate(asset) for asset in new],
    )
