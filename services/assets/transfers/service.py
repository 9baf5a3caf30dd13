"""Use cases of rights documents: each transition applies to all assets of the document or to none."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col

from services.assets import repository_base as records
from services.assets.pledges.repository import find_pledgees
from services.assets.register import repository as register
from services.assets.register.lifecycle import AssetAction, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass, AssetTransitionRequest, OwnerKind
from services.assets.register.service import DocumentContext, issue_certificate_no, transition_asset
from services.assets.transfers import repository
from services.assets.transfers.lifecycle import (
    TRANSFER,
    TransferAction,
    TransferFacts,
    TransferKind,
    TransferState,
)
from services.assets.transfers.models import Transfer, TransferItem
from services.assets.transfers.schemas import (
    TransferCreate,
    TransferDetail,
    TransferItemRead,
    TransferRead,
    TransferTransitionRequest,
)
from shared.auth import May
from shared.china import format_yuan
from shared.clients.assets import AssetOwnerChanged, TransferMoved
from shared.errors import FieldError, invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.notices import service as notices
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeStep, NoticeSubject
from shared.records import create_record, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

NOTICE_KIND = "transfer"
REQUIRED_STATES = {
    TransferKind.RIGHTS: {AssetState.REGISTERED},
    TransferKind.HAND_OVER: {AssetState.CONFIRMED},
    TransferKind.OWNER: {AssetState.CONFIRMED, AssetState.HANDED_OVER},
}
"""Asset states in which a document of this kind may be submitted or signed."""


async def create_transfer(work: UnitOfWork, body: TransferCreate) -> Transfer:
    """Create a draft document. Invalid when an asset is listed twice, unknown, or outside the document's region."""
    work.actor.require(May.ASSET_REGISTER, body.region)
    ids = [item.asset_id for item in body.items]
    if len(set(ids)) < len(ids):
        raise invalid_field("twice", "同一资产列入了两次", "/items", "An asset is named twice")
    if body.kind is TransferKind.OWNER and (
        body.owner_kind in {None, OwnerKind.UNKNOWN} or not body.owner_name
    ):
        raise invalid_field("no_owner", "须写明变更后的所有权人", "/owner_name", "The new owner is needed")
    rows = await records.list_records(work, Asset, col(Asset.id).in_(ids), limit=len(ids))
    assets = {asset.id: asset for asset in rows}
    for index, asset_id in enumerate(ids):
        if asset_id not in assets or not work.is_within_region(assets[asset_id].region, body.region):
            raise invalid_field(
                "no_such_asset", f"文书区域内没有这项资产: {asset_id}", f"/items/{index}/asset_id"
            )
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    transfer, created = await create_record(
        work,
        Transfer,
        body,
        region=body.region,
        id=body.id,
        owner_code=body.owner_code or "",
        file_ids=file_ids,
        state=TransferState.DRAFT,
        state_since=work.at,
        **body.model_dump(
            include={"kind", "number", "title", "giver", "receiver", "owner_kind", "owner_name", "note"}
        ),
    )
    if created:
        work.session.add_all(
            TransferItem(transfer_id=transfer.id, asset_id=item.asset_id, certificate_no=item.certificate_no)
            for item in body.items
        )
        await work.session.flush()
    return transfer


async def get_transfer(work: UnitOfWork, transfer_id: UUID, *, lock: bool = False) -> Transfer:
    """One document in the caller's regions; NotFound otherwise."""
    return await records.get_record(work, Transfer, transfer_id, "份权属文书", lock=lock)


async def get_transfer_detail(work: UnitOfWork, transfer: Transfer) -> TransferDetail:
    """A document with its assets and the actions available to the caller."""
    assets = await repository.list_assets(work, transfer.id)
    items = {item.asset_id: item for item in await repository.list_items(work, transfer.id)}
    facts = await _build_facts(work, transfer, assets, TransferTransitionRequest(), work.at)
    return TransferDetail.model_construct(
        **dict(TransferRead.model_validate(transfer)),
        items=[_build_item(asset, items[asset.id]) for asset in assets],
        total=sum(asset.original_value for asset in assets),
        available_actions=available_actions(work, TRANSFER, transfer, facts),
    )


def _build_item(asset: Asset, item: TransferItem) -> TransferItemRead:
    return TransferItemRead.model_construct(
        asset_id=asset.id,
        code=asset.code,
        name=asset.name,
        original_value=asset.original_value,
        state=asset.state,
        owner_name=asset.owner_name,
        certificate_no=item.certificate_no,
        previous_owner=item.previous_owner,
    )


async def _build_facts(
    work: UnitOfWork,
    transfer: Transfer,
    assets: Sequence[Asset],
    body: TransferTransitionRequest,
    when: datetime,
) -> TransferFacts:
    required_states = REQUIRED_STATES[transfer.kind]
    if transfer.state is TransferState.GIVEN and transfer.kind is TransferKind.HAND_OVER:
        required_states = {AssetState.OFFERED}
    pledged = await find_pledgees(work, [a.id for a in assets]) if transfer.kind is TransferKind.OWNER else {}
    return TransferFacts(
        kind=transfer.kind,
        asset_count=len(assets),
        unfit=tuple(
            f"{asset.name}({'抵押中' if asset.id in pledged else asset.state.label})"
            for asset in assets
            if asset.state not in required_states or asset.id in pledged or _is_unfit(asset, transfer)
        ),
        has_two_parties=bool(transfer.giver)
        and bool(transfer.receiver)
        and transfer.giver != transfer.receiver,
        notice_error=await _find_blocking_notice(work, transfer, when),
        reason=body.reason,
    )


def _is_unfit(asset: Asset, transfer: Transfer) -> bool:
    """Whether the asset is disposed of, has no owner, or is of a class that the new owner cannot hold."""
    if transfer.kind is TransferKind.OWNER:
        to_household = transfer.owner_kind is OwnerKind.HOUSEHOLD
        return asset.use is UseState.DISPOSED or to_household is not (
            asset.asset_class is AssetClass.HOUSEHOLD
        )
    return asset.use is UseState.DISPOSED or not asset.owner_name


async def _find_blocking_notice(work: UnitOfWork, transfer: Transfer, when: datetime) -> FieldError | None:
    if transfer.kind is TransferKind.HAND_OVER:
        return None
    status = await notices.get_notice_status(
        work, NOTICE_KIND, str(transfer.id), when.astimezone(CHINA_TIME_ZONE).date()
    )
    return notices.first_blocking_notice(status, NoticeLevel.OWNERSHIP)


async def transition_transfer(
    work: UnitOfWork,
    transfer_id: UUID,
    action: TransferAction,
    body: TransferTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransferDetail | TransitionPreview:
    """Apply one transition to a document and to every asset on it, in one transaction."""
    transfer = await get_transfer(work, transfer_id, lock=True)
    assets = await repository.list_assets(work, transfer.id, lock=True)
    when = body.happened_at or work.at
    was = transfer.state
    preview = await apply_transition(
        work,
        TRANSFER,
        transfer,
        action,
        await _build_facts(work, transfer, assets, body, when),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda before, now: TransferMoved(
            transfer_id=transfer.id, kind=transfer.kind, assets=len(assets), was=before, now=now
        ),
    )
    if preview is not None:
        return preview
    _record_signature(work, transfer, action)
    await _apply_to_assets(work, transfer, assets, action, was, body)
    return await get_transfer_detail(work, transfer)


def _record_signature(work: UnitOfWork, transfer: Transfer, action: TransferAction) -> None:
    match action:
        case TransferAction.SUBMIT:
            transfer.submitted_by = work.actor.id
        case TransferAction.GIVE:
            transfer.given_by = work.actor.id
        case _:
            transfer.closed_by = work.actor.id
    work.session.add(transfer)


async def _apply_to_assets(
    work: UnitOfWork,
    transfer: Transfer,
    assets: Sequence[Asset],
    action: TransferAction,
    was: TransferState,
    body: TransferTransitionRequest,
) -> None:
    step = _asset_action(transfer.kind, action, was)
    items = {item.asset_id: item for item in await repository.list_items(work, transfer.id)}
    for asset in assets:
        if step is not None:
            request = AssetTransitionRequest(
                reason=body.reason or transfer.title,
                happened_at=body.happened_at,
                giver=transfer.giver,
                receiver=transfer.receiver,
                transfer_no=transfer.number,
                certificate_no=items[asset.id].certificate_no,
            )
            await transition_asset(work, asset, step, request, document=DocumentContext(notice_settled=True))
        elif transfer.kind is TransferKind.OWNER and action is TransferAction.RECEIVE:
            await _change_owner(work, transfer, asset, items[asset.id])


def _asset_action(kind: TransferKind, action: TransferAction, was: TransferState) -> AssetAction | None:
    """The registration action of every asset that goes with this action of the document, or None."""
    if kind is TransferKind.RIGHTS and action is TransferAction.CONFIRM:
        return AssetAction.CONFIRM
    if kind is not TransferKind.HAND_OVER:
        return None
    if action is TransferAction.CANCEL and was is TransferState.GIVEN:
        return AssetAction.REFUSE
    return {TransferAction.GIVE: AssetAction.HAND_OVER, TransferAction.RECEIVE: AssetAction.RECEIVE}.get(
        action
    )


async def _change_owner(work: UnitOfWork, transfer: Transfer, asset: Asset, item: TransferItem) -> None:
    """Change the owner of an asset; its code stays."""
    before = {
        "owner_kind": str(asset.owner_kind),
        "owner_name": asset.owner_name,
        "owner_code": asset.owner_code,
    }
    item.previous_owner = asset.owner_name
    if transfer.owner_kind is not None:
        asset.owner_kind = transfer.owner_kind
    asset.owner_name, asset.owner_code = transfer.owner_name, transfer.owner_code
    asset.certificate_no = item.certificate_no or await issue_certificate_no(work, asset, work.today.year)
    asset.transfer_no = transfer.number or asset.transfer_no
    work.session.add(item)
    await register.index_assets(work, [asset])
    event = AssetOwnerChanged(asset_id=asset.id, project_id=asset.project_id, owner_kind=asset.owner_kind)
    await save_record(work, asset, event, before=before, reason=transfer.title)


async def get_notice_subject(work: UnitOfWork, transfer_id: UUID, *, lock: bool) -> NoticeSubject:
    """Content of the notice of a document: every asset, with household owners unnamed."""
    transfer = await get_transfer(work, transfer_id, lock=lock)
    assets = await repository.list_assets(work, transfer.id)
    rows = [
        [
            asset.code,
            asset.name,
            asset.asset_class.label,
            format_yuan(asset.original_value),
            _public_owner_name(asset),
        ]
        for asset in assets
    ]
    return NoticeSubject(
        kind=NOTICE_KIND,
        id=str(transfer.id),
        region=transfer.region,
        version=transfer.version,
        title=transfer.title,
        steps={NoticeLevel.OWNERSHIP: NoticeStep()},
        content={
            "文书编号": transfer.number,
            "文书种类": transfer.kind.label,
            "移交单位": transfer.giver,
            "接收单位": transfer.receiver,
            "资产数": len(assets),
            "原值合计(元)": format_yuan(sum(asset.original_value for asset in assets)),
            "columns": ["资产编号", "资产名称", "类别", "原值(元)", "所有权人"],
            "rows": rows,
        },
    )


def _public_owner_name(asset: Asset) -> str:
    return asset.owner_kind.label if asset.owner_kind is OwnerKind.HOUSEHOLD else asset.owner_name
