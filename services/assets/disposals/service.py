"""Disposing of an asset: every step with its paper; closing takes the asset off the books and keeps its record."""

from typing import Any
from uuid import UUID

from services.assets.contracts import income
from services.assets.contracts.schemas import ReceiptPost
from services.assets.disposals import repository
from services.assets.disposals.lifecycle import DISPOSAL, DisposalAction, DisposalFacts, DisposalState
from services.assets.disposals.models import Disposal
from services.assets.disposals.schemas import DisposalAct, DisposalCreate, DisposalDetail, DisposalRead
from services.assets.refusals import not_now
from services.assets.register import acting
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED, UseAction, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetAct
from services.assets.scoped import repository as scoped
from shared import files
from shared.contracts.assets import AssetEvent
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

NOTICE = "disposal"
A = DisposalAction


class DisposalMoved(AssetEvent):
    """资产处置换了状态; `was` is empty when it was asked for."""

    topic = "disposal.moved"
    disposal_id: UUID
    asset_id: UUID
    cause: str
    was: str
    now: str


async def request(work: Work, body: DisposalCreate) -> Disposal:
    """Ask to dispose of an asset that is on the register. Conflict while another disposal of it is under way."""
    asset = await register.get(work, body.asset_id, lock=True)
    work.actor.require(May.ASSET_DISPOSE, asset.region)
    if asset.state not in COUNTED or asset.use is UseState.DISPOSED:
        raise not_now("not_registered", "资产不在册, 或已经处置", "The asset is not on the register")
    running = await repository.open_one(work, asset.id)
    if running is not None and running.id != body.id:
        raise not_now("running", "这项资产的处置正在办理", "A disposal is under way")
    papers = [str(one) for one in body.file_ids]
    await files.require(work, papers, "/file_ids")
    disposal, fresh = await create(
        work,
        Disposal,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        cause=body.cause,
        description=body.description,
        file_ids=papers,
        state=DisposalState.REQUESTED,
        state_since=work.at,
    )
    if fresh:
        await work.tell(_moved(disposal, "", disposal.state), disposal)
    return disposal


def _moved(disposal: Disposal, was: str, now: str) -> DisposalMoved:
    return DisposalMoved(
        disposal_id=disposal.id, asset_id=disposal.asset_id, cause=disposal.cause, was=was, now=now
    )


async def get(work: Work, disposal_id: UUID, *, lock: bool = False) -> Disposal:
    """One disposal of the caller's regions."""
    return await scoped.one(work, Disposal, disposal_id, "项处置", lock=lock)


async def _facts(work: Work, disposal: Disposal, body: DisposalAct) -> DisposalFacts:
    return DisposalFacts(
        documents=len(body.file_ids),
        on=work.today,
        value=body.value,
        document_no=body.document_no,
        held_on=body.held_on,
        voucher_no=body.voucher_no,
        proceeds=body.proceeds,
        notice=await _notice(work, disposal, body),
        active_contract=await repository.active_contract(work, disposal.asset_id),
        reason=body.reason,
    )


async def _notice(work: Work, disposal: Disposal, body: DisposalAct) -> Fault | None:
    on = (body.happened_at or work.at).astimezone(CHINA).date()
    return notices.missing(await notices.standing(work, NOTICE, str(disposal.id), on), Level.DISPOSAL)


async def detail(work: Work, disposal: Disposal) -> DisposalDetail:
    """A disposal and what the caller could do."""
    known = await _facts(work, disposal, DisposalAct())
    return DisposalDetail.model_construct(
        **dict(DisposalRead.model_validate(disposal)),
        available_actions=offers(work, DISPOSAL, disposal, known),
    )


async def act(
    work: Work, disposal_id: UUID, action: DisposalAction, body: DisposalAct, *, match: Match, dry_run: bool
) -> DisposalDetail | Preview:
    """One step; booking the proceeds enters them as income, closing ends the asset's use, in the same transaction."""
    papers = [str(one) for one in body.file_ids]
    await files.require(work, papers, "/file_ids")
    seen = await get(work, disposal_id)
    asset = await register.get(work, seen.asset_id, lock=True)
    disposal = await get(work, disposal_id, lock=True)
    preview = await fire(
        work,
        DISPOSAL,
        disposal,
        action,
        await _facts(work, disposal, body),
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _moved(disposal, was, now),
    )
    if preview is not None:
        return preview
    disposal.file_ids = [*disposal.file_ids, *papers]
    for name, value in _kept(work, action, body).items():
        setattr(disposal, name, value)
    work.session.add(disposal)
    if action is A.BOOK and body.proceeds:
        await _book(work, asset, body)
    if action is A.CLOSE:
        words = AssetAct(
            reason=f"{disposal.cause.label} {disposal.document_no}",
            happened_at=body.happened_at,
            evidence=[UUID(one) for one in disposal.file_ids],
        )
        await acting.change_use(work, asset, UseAction.DISPOSE, words, disposal_approved=True)
    return await detail(work, disposal)


def _kept(work: Work, action: DisposalAction, body: DisposalAct) -> dict[str, Any]:
    """What a step leaves on the record."""
    match action:
        case A.APPRAISE:
            return {"value": body.value, "appraisal_no": body.appraisal_no}
        case A.DECIDE:
            return {"held_on": body.held_on, "decided_by": work.actor.id}
        case A.APPROVE:
            return {"document_no": body.document_no, "approved_by": work.actor.id}
        case A.BOOK:
            return {"proceeds": body.proceeds, "voucher_no": body.voucher_no, "booked_by": work.actor.id}
        case _:
            return {"result": body.reason}


async def _book(work: Work, asset: Asset, body: DisposalAct) -> None:
    on = (body.happened_at or work.at).astimezone(CHINA).date()
    receipt = ReceiptPost.model_construct(
        id=None,
        amount=body.proceeds or 0,
        received_on=on,
        payer=body.payer or "资产处置",
        voucher_no=body.voucher_no,
        kind="disposal",
        note="处置收入",
    )
    await income.receive(work, asset.id, receipt)


async def subject(work: Work, disposal_id: UUID, *, lock: bool) -> Subject:
    """What the notice of a disposal shows."""
    disposal = await get(work, disposal_id, lock=lock)
    asset = await register.get(work, disposal.asset_id)
    shown = acting.subject(asset)
    return Subject(
        kind=NOTICE,
        id=str(disposal.id),
        region=disposal.region,
        version=disposal.version,
        title=asset.name,
        content={
            **shown.content,
            "处置原因": disposal.cause.label,
            "评估价值(元)": yuan(disposal.value or 0),
            "批准文号": disposal.document_no,
        },
    )
