"""Use cases of pledges: while one is in force the asset is not disposed of, split, merged, returned or given to another owner."""

from uuid import UUID

from services.assets import repository_base as records
from services.assets.errors import conflict
from services.assets.pledges import repository
from services.assets.pledges.events import PledgeMoved
from services.assets.pledges.lifecycle import PLEDGE, PledgeAction, PledgeFacts, PledgeState
from services.assets.pledges.models import Pledge
from services.assets.pledges.schemas import PledgeDetail, PledgePost, PledgeRead, PledgeTransitionRequest
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass
from shared.auth import May
from shared.errors import invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions, entry_time
from shared.records import create_record
from shared.unit_of_work import UnitOfWork


async def create_pledge(work: UnitOfWork, asset_id: UUID, body: PledgePost) -> Pledge:
    """Propose a pledge of an operating asset on the register. Public facilities may not be pledged (民法典第三百九十九条)."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, asset.region, department=asset.managing_unit)
    if asset.asset_class is not AssetClass.OPERATING:
        detail = "只有经营性资产可以抵押, 公益设施不得抵押(民法典第三百九十九条)"
        raise invalid_field("not_operating", detail, "", "Only operating assets are pledged")
    if not _is_registered(asset):
        raise conflict("not_registered", "资产不在册或已处置", "The asset is not on the register")
    same = await repository.find_same_pledge(work, asset.id, body.pledgee)
    if same is not None and same.id != body.id:
        raise conflict("pledged", f"资产已抵押给{body.pledgee}, 或正在办理", "It is pledged already")
    proposed_at = entry_time(body.happened_at, work.at)
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    pledge, _ = await create_record(
        work,
        Pledge,
        body,
        event=lambda one: _build_event(one, "", one.state),
        event_time=proposed_at,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        file_ids=file_ids,
        state=PledgeState.PROPOSED,
        state_since=proposed_at,
        **body.model_dump(exclude={"id", "file_ids", "happened_at"}),
    )
    return pledge


async def get_pledge(work: UnitOfWork, pledge_id: UUID, *, lock: bool = False) -> Pledge:
    """One pledge in the caller's regions; NotFound otherwise."""
    return await records.get_record(work, Pledge, pledge_id, "项抵押", lock=lock)


async def get_pledge_detail(work: UnitOfWork, pledge: Pledge) -> PledgeDetail:
    """A pledge with the actions available to the caller."""
    asset = await register.get_asset(work, pledge.asset_id)
    facts = _build_facts(asset, pledge, PledgeTransitionRequest())
    return PledgeDetail.model_construct(
        **dict(PledgeRead.model_validate(pledge)),
        available_actions=available_actions(work, PLEDGE, pledge, facts),
    )


async def transition_pledge(
    work: UnitOfWork,
    pledge_id: UUID,
    action: PledgeAction,
    body: PledgeTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> PledgeDetail | TransitionPreview:
    """Apply one transition to a pledge."""
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    asset = await register.get_asset(work, (await get_pledge(work, pledge_id)).asset_id, lock=True)
    pledge = await get_pledge(work, pledge_id, lock=True)
    preview = await apply_transition(
        work,
        PLEDGE,
        pledge,
        action,
        _build_facts(asset, pledge, body),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _build_event(pledge, was, now),
    )
    if preview is not None:
        return preview
    pledge.file_ids = [*pledge.file_ids, *file_ids]
    if action is PledgeAction.APPROVE:
        pledge.approved_by = work.actor.id
    work.session.add(pledge)
    return await get_pledge_detail(work, pledge)


def _build_event(pledge: Pledge, was: str, now: str) -> PledgeMoved:
    return PledgeMoved(pledge_id=pledge.id, asset_id=pledge.asset_id, amount=pledge.amount, was=was, now=now)


def _is_registered(asset: Asset) -> bool:
    return asset.state in COUNTED_STATES and asset.use is not UseState.DISPOSED


def _build_facts(asset: Asset, pledge: Pledge, body: PledgeTransitionRequest) -> PledgeFacts:
    return PledgeFacts(
        is_registered=_is_registered(asset),
        document_count=len(pledge.file_ids) + len(body.file_ids),
        released_count=len(body.file_ids),
        reason=body.reason,
    )
