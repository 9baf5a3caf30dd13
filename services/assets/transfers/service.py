"""Drawing up a document over many assets and carrying it out on all of them, or on none."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col

from services.assets.refusals import wrong
from services.assets.register import repository as register
from services.assets.register.acting import Paper, act, issue_certificate
from services.assets.register.kinds import AssetClass, OwnerKind
from services.assets.register.lifecycle import AssetAction, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetAct
from services.assets.scoped import repository as scoped
from services.assets.transfers import repository
from services.assets.transfers.kinds import TransferKind
from services.assets.transfers.lifecycle import TRANSFER, TransferAction, TransferFacts, TransferState
from services.assets.transfers.models import Transfer, TransferItem
from services.assets.transfers.schemas import (
    ItemRead,
    TransferAct,
    TransferCreate,
    TransferDetail,
    TransferRead,
)
from shared import files
from shared.access import inside
from shared.contracts.assets import AssetOwnerChanged, TransferMoved
from shared.creates import create
from shared.errors import Fault
from shared.http import Match
from shared.money import yuan
from shared.moves import Preview, fire, offers
from shared.notices import service as notices
from shared.notices.schemas import Level
from shared.notices.service import Subject
from shared.permissions import May
from shared.work import CHINA, Work

NOTICE = "transfer"
A, S, K = TransferAction, AssetState, TransferKind
BEFORE = {K.RIGHTS: {S.REGISTERED}, K.HAND_OVER: {S.CONFIRMED}, K.OWNER: {S.CONFIRMED, S.HANDED_OVER}}
"""Where the assets must stand when a document is submitted or signed."""


async def draw_up(work: Work, body: TransferCreate) -> Transfer:
    """A document in draft. Invalid when an asset is named twice, unknown, or outside its region."""
    work.actor.require(May.ASSET_REGISTER, body.region)
    ids = [item.asset_id for item in body.items]
    if len(set(ids)) < len(ids):
        raise wrong("twice", "同一资产列入了两次", "/items", "An asset is named twice")
    if body.kind is K.OWNER and (body.owner_kind in {None, OwnerKind.UNKNOWN} or not body.owner_name):
        raise wrong("no_owner", "须写明变更后的所有权人", "/owner_name", "The new owner is needed")
    found = {one.id: one for one in await scoped.some(work, Asset, col(Asset.id).in_(ids), most=len(ids))}
    for at, one in enumerate(ids):
        if one not in found or not inside(found[one].region, body.region):
            raise wrong("no_such_asset", f"文书区域内没有这项资产: {one}", f"/items/{at}/asset_id")
    papers = [str(one) for one in body.file_ids]
    await files.require(work, papers, "/file_ids")
    transfer, fresh = await create(
        work,
        Transfer,
        body,
        region=body.region,
        id=body.id,
        owner_code=body.owner_code or "",
        file_ids=papers,
        state=TransferState.DRAFT,
        state_since=work.at,
        **body.model_dump(
            include={"kind", "number", "title", "giver", "receiver", "owner_kind", "owner_name", "note"}
        ),
    )
    if fresh:
        work.session.add_all(
            TransferItem(transfer_id=transfer.id, asset_id=item.asset_id, certificate_no=item.certificate_no)
            for item in body.items
        )
        await work.session.flush()
    return transfer


async def get(work: Work, transfer_id: UUID, *, lock: bool = False) -> Transfer:
    """One document of the caller's regions."""
    return await scoped.one(work, Transfer, transfer_id, "份权属文书", lock=lock)


async def detail(work: Work, transfer: Transfer) -> TransferDetail:
    """The document with its assets and what the caller could do."""
    assets = await repository.assets(work, transfer.id)
    items = {item.asset_id: item for item in await repository.items(work, transfer.id)}
    known = await _facts(work, transfer, assets, TransferAct(), work.at)
    return TransferDetail.model_construct(
        **dict(TransferRead.model_validate(transfer)),
        items=[_shown(asset, items[asset.id]) for asset in assets],
        total=sum(asset.original_value for asset in assets),
        available_actions=offers(work, TRANSFER, transfer, known),
    )


def _shown(asset: Asset, item: TransferItem) -> ItemRead:
    return ItemRead.model_construct(
        asset_id=asset.id,
        code=asset.code,
        name=asset.name,
        original_value=asset.original_value,
        state=asset.state,
        owner_name=asset.owner_name,
        certificate_no=item.certificate_no,
        previous_owner=item.previous_owner,
    )


async def _facts(
    work: Work, transfer: Transfer, assets: Sequence[Asset], body: TransferAct, when: datetime
) -> TransferFacts:
    wanted = BEFORE[transfer.kind]
    if transfer.state is TransferState.GIVEN and transfer.kind is K.HAND_OVER:
        wanted = {S.OFFERED}
    return TransferFacts(
        kind=transfer.kind,
        assets=len(assets),
        unfit=tuple(
            f"{one.name}({one.state.label})"
            for one in assets
            if one.state not in wanted or _lost(one, transfer)
        ),
        parties=bool(transfer.giver) and bool(transfer.receiver) and transfer.giver != transfer.receiver,
        notice=await _notice(work, transfer, when),
        reason=body.reason,
    )


def _lost(asset: Asset, transfer: Transfer) -> bool:
    """Disposed of, without an owner, or of a class the new owner cannot hold."""
    if transfer.kind is K.OWNER:
        household = transfer.owner_kind is OwnerKind.HOUSEHOLD
        return asset.use is UseState.DISPOSED or household is not (asset.asset_class is AssetClass.HOUSEHOLD)
    return asset.use is UseState.DISPOSED or not asset.owner_name


async def _notice(work: Work, transfer: Transfer, when: datetime) -> Fault | None:
    if transfer.kind is K.HAND_OVER:
        return None
    standing = await notices.standing(work, NOTICE, str(transfer.id), when.astimezone(CHINA).date())
    return notices.missing(standing, Level.RIGHTS)


async def carry_on(
    work: Work, transfer_id: UUID, action: TransferAction, body: TransferAct, *, match: Match, dry_run: bool
) -> TransferDetail | Preview:
    """One step of the document, and what it means for every asset on it, in one transaction."""
    transfer = await get(work, transfer_id, lock=True)
    assets = await repository.assets(work, transfer.id, lock=True)
    when = body.happened_at or work.at
    was = transfer.state
    preview = await fire(
        work,
        TRANSFER,
        transfer,
        action,
        await _facts(work, transfer, assets, body, when),
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda before, now: TransferMoved(
            transfer_id=transfer.id, kind=transfer.kind, assets=len(assets), was=before, now=now
        ),
    )
    if preview is not None:
        return preview
    _signed(work, transfer, action)
    await _carried(work, transfer, assets, action, was, body)
    return await detail(work, transfer)


def _signed(work: Work, transfer: Transfer, action: TransferAction) -> None:
    match action:
        case A.SUBMIT:
            transfer.submitted_by = work.actor.id
        case A.GIVE:
            transfer.given_by = work.actor.id
        case _:
            transfer.closed_by = work.actor.id
    work.session.add(transfer)


async def _carried(
    work: Work,
    transfer: Transfer,
    assets: Sequence[Asset],
    action: TransferAction,
    was: TransferState,
    body: TransferAct,
) -> None:
    step = _step(transfer.kind, action, was)
    items = {item.asset_id: item for item in await repository.items(work, transfer.id)}
    for asset in assets:
        if step is not None:
            words = AssetAct(
                reason=body.reason or transfer.title,
                happened_at=body.happened_at,
                giver=transfer.giver,
                receiver=transfer.receiver,
                transfer_no=transfer.number,
                certificate_no=items[asset.id].certificate_no,
            )
            await act(work, asset, step, words, paper=Paper(noticed=True))
        elif transfer.kind is K.OWNER and action is A.RECEIVE:
            await _change_owner(work, transfer, asset, items[asset.id])


def _step(kind: TransferKind, action: TransferAction, was: TransferState) -> AssetAction | None:
    """The step every asset takes with the document, if any."""
    if kind is K.RIGHTS and action is A.CONFIRM:
        return AssetAction.CONFIRM
    if kind is not K.HAND_OVER:
        return None
    if action is A.CANCEL and was is TransferState.GIVEN:
        return AssetAction.REFUSE
    return {A.GIVE: AssetAction.HAND_OVER, A.RECEIVE: AssetAction.RECEIVE}.get(action)


async def _change_owner(work: Work, transfer: Transfer, asset: Asset, item: TransferItem) -> None:
    """A new owner under the same code."""
    before = {
        "owner_kind": str(asset.owner_kind),
        "owner_name": asset.owner_name,
        "owner_code": asset.owner_code,
    }
    item.previous_owner = asset.owner_name
    if transfer.owner_kind is not None:
        asset.owner_kind = transfer.owner_kind
    asset.owner_name, asset.owner_code = transfer.owner_name, transfer.owner_code
    asset.certificate_no = item.certificate_no or await issue_certificate(work, asset, work.today.year)
    asset.transfer_no = transfer.number or asset.transfer_no
    asset.version += 1
    asset.updated_at = work.at
    work.session.add(asset)
    work.session.add(item)
    await register.index(work, [asset])
    event = AssetOwnerChanged(asset_id=asset.id, project_id=asset.project_id, owner_kind=asset.owner_kind)
    await work.tell(event, asset, before=before, reason=transfer.title)


async def subject(work: Work, transfer_id: UUID, *, lock: bool) -> Subject:
    """What the notice of a document shows: every asset on it, households never by name."""
    transfer = await get(work, transfer_id, lock=lock)
    assets = await repository.assets(work, transfer.id)
    rows = [
        [one.code, one.name, one.asset_class.label, yuan(one.original_value), _owner(one)] for one in assets
    ]
    return Subject(
        kind=NOTICE,
        id=str(transfer.id),
        region=transfer.region,
        version=transfer.version,
        title=transfer.title,
        content={
            "文书编号": transfer.number,
            "文书种类": transfer.kind.label,
            "移交单位": transfer.giver,
            "接收单位": transfer.receiver,
            "资产数": len(assets),
            "原值合计(元)": yuan(sum(one.original_value for one in assets)),
            "columns": ["资产编号", "资产名称", "类别", "原值(元)", "所有权人"],
            "rows": rows,
        },
    )


def _owner(asset: Asset) -> str:
    return asset.owner_kind.label if asset.owner_kind is OwnerKind.HOUSEHOLD else asset.owner_name
