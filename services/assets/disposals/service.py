"""Use cases of disposals, whose closing ends the use of the asset but keeps its record, and of revitalisation plans."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.assets import repository_base as records
from services.assets.contracts import service as contracts
from services.assets.contracts.schemas import ReceiptPost
from services.assets.disposals import repository
from services.assets.disposals.events import DisposalMoved, RevivalMoved
from services.assets.disposals.lifecycle import (
    DISPOSAL,
    REVIVAL,
    DisposalAction,
    DisposalFacts,
    DisposalState,
    RevivalAction,
    RevivalFacts,
    RevivalState,
)
from services.assets.disposals.models import Disposal, Revival
from services.assets.disposals.schemas import (
    DisposalCreate,
    DisposalDetail,
    DisposalRead,
    DisposalTransitionRequest,
    RevivalCreate,
    RevivalDetail,
    RevivalFigures,
    RevivalRead,
    RevivalTransitionRequest,
)
from services.assets.errors import conflict
from services.assets.register import repository as register
from services.assets.register.events import AssetChanged
from services.assets.register.lifecycle import COUNTED_STATES, UseAction, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass, AssetTransitionRequest
from services.assets.register.service import build_notice_subject, transition_use
from shared.auth import May
from shared.china import format_yuan
from shared.errors import FieldError, invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions, entry_time
from shared.notices import service as notices
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeStep, NoticeSubject
from shared.records import create_record, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

NOTICE_KIND = "disposal"
INCOME_WINDOW = timedelta(days=365)


async def create_disposal(work: UnitOfWork, body: DisposalCreate) -> Disposal:
    """Request the disposal of a registered asset. Conflict when it is not on the register or another disposal is open."""
    asset = await register.get_asset(work, body.asset_id, lock=True)
    work.actor.require(May.ASSET_DISPOSE, asset.region, department=asset.managing_unit)
    if asset.state not in COUNTED_STATES or asset.use is UseState.DISPOSED:
        raise conflict("not_registered", "资产不在册, 或已经处置", "The asset is not on the register")
    open_disposal = await repository.find_open_disposal(work, asset.id)
    if open_disposal is not None and open_disposal.id != body.id:
        raise conflict("running", "这项资产的处置正在办理", "A disposal is under way")
    requested_at = entry_time(body.happened_at, work.at)
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    disposal, _ = await create_record(
        work,
        Disposal,
        body,
        event=lambda disposal: _disposal_event(disposal, "", disposal.state),
        event_time=requested_at,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        cause=body.cause,
        description=body.description,
        file_ids=file_ids,
        state=DisposalState.REQUESTED,
        state_since=requested_at,
    )
    return disposal


async def get_disposal(work: UnitOfWork, disposal_id: UUID, *, lock: bool = False) -> Disposal:
    """One disposal in the caller's regions; NotFound otherwise."""
    return await records.get_record(work, Disposal, disposal_id, "项处置", lock=lock)


async def get_disposal_detail(work: UnitOfWork, disposal: Disposal) -> DisposalDetail:
    """A disposal with the actions available to the caller."""
    facts = await _build_disposal_facts(work, disposal, DisposalTransitionRequest())
    return DisposalDetail.model_construct(
        **dict(DisposalRead.model_validate(disposal)),
        available_actions=available_actions(work, DISPOSAL, disposal, facts),
    )


async def transition_disposal(
    work: UnitOfWork,
    disposal_id: UUID,
    action: DisposalAction,
    body: DisposalTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> DisposalDetail | TransitionPreview:
    """Apply one transition. In the same transaction, booking records the proceeds as income and closing ends the use of the asset."""
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    unlocked = await get_disposal(work, disposal_id)
    asset = await register.get_asset(work, unlocked.asset_id, lock=True)
    disposal = await get_disposal(work, disposal_id, lock=True)
    preview = await apply_transition(
        work,
        DISPOSAL,
        disposal,
        action,
        await _build_disposal_facts(work, disposal, body),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _disposal_event(disposal, was, now),
    )
    if preview is not None:
        return preview
    disposal.file_ids = [*disposal.file_ids, *file_ids]
    for name, value in _step_columns(work, action, body).items():
        setattr(disposal, name, value)
    work.session.add(disposal)
    if action is DisposalAction.BOOK and body.proceeds:
        await _record_proceeds(work, asset, body)
    if action is DisposalAction.CLOSE:
        request = AssetTransitionRequest(
            reason=f"{disposal.cause.label} {disposal.document_no}",
            happened_at=body.happened_at,
            evidence=[UUID(file_id) for file_id in disposal.file_ids],
        )
        await transition_use(work, asset, UseAction.DISPOSE, request, disposal_approved=True)
    return await get_disposal_detail(work, disposal)


async def get_notice_subject(work: UnitOfWork, disposal_id: UUID, *, lock: bool) -> NoticeSubject:
    """Content of the notice of a disposal."""
    disposal = await get_disposal(work, disposal_id, lock=lock)
    asset = await register.get_asset(work, disposal.asset_id)
    asset_subject = build_notice_subject(asset)
    return NoticeSubject(
        kind=NOTICE_KIND,
        id=str(disposal.id),
        region=disposal.region,
        version=disposal.version,
        title=asset.name,
        steps={NoticeLevel.DISPOSAL: NoticeStep()},
        department=asset.managing_unit,
        content={
            **asset_subject.content,
            "处置原因": disposal.cause.label,
            "评估价值(元)": format_yuan(disposal.value or 0),
            "批准文号": disposal.document_no,
        },
    )


async def collect_figures(work: UnitOfWork, asset: Asset) -> dict[str, Any]:
    """Figures of an asset today: use, income of the last 365 days (分), households, operator."""
    figures = RevivalFigures.model_construct(
        on=work.today,
        use=asset.use,
        income=await repository.sum_received(work, asset.id, work.today - INCOME_WINDOW, work.today),
        households=asset.households,
        operator=await repository.find_operator(work, asset.id),
    )
    return {**figures.model_dump(mode="python"), "on": str(figures.on), "use": str(figures.use)}


async def create_revival(work: UnitOfWork, body: RevivalCreate) -> Revival:
    """Propose a revitalisation plan; the figures of today become `before`. Only for operating assets on the register, one at a time."""
    asset = await register.get_asset(work, body.asset_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, asset.region, department=asset.managing_unit)
    if asset.asset_class is not AssetClass.OPERATING:
        raise invalid_field(
            "not_operating", "只有经营性资产编制盘活方案", "/asset_id", "Only operating assets"
        )
    if asset.state not in COUNTED_STATES or asset.use is UseState.DISPOSED:
        raise conflict("not_registered", "资产不在册", "The asset is not on the register")
    open_revival = await repository.find_open_revival(work, asset.id)
    if open_revival is not None and open_revival.id != body.id:
        raise conflict("running", "这项资产的盘活方案正在办理", "A revitalisation is under way")
    if body.deadline < work.today:
        raise invalid_field("deadline_past", "期限早于今天", "/deadline", "The deadline is past already")
    revival, _ = await create_record(
        work,
        Revival,
        body,
        event=lambda revival: _revival_event(revival, "", revival.state),
        region=asset.region,
        id=body.id,
        before=await collect_figures(work, asset),
        state=RevivalState.PROPOSED,
        state_since=work.at,
        **body.model_dump(exclude={"id"}),
    )
    return revival


async def get_revival(work: UnitOfWork, revival_id: UUID, *, lock: bool = False) -> Revival:
    """One revitalisation plan in the caller's regions; NotFound otherwise."""
    return await records.get_record(work, Revival, revival_id, "份盘活方案", lock=lock)


async def get_revival_detail(work: UnitOfWork, revival: Revival) -> RevivalDetail:
    """A revitalisation plan with the actions available to the caller."""
    facts = await _build_revival_facts(work, revival, RevivalTransitionRequest())
    return RevivalDetail.model_construct(
        **dict(RevivalRead.model_validate(revival)),
        available_actions=available_actions(work, REVIVAL, revival, facts),
    )


async def transition_revival(
    work: UnitOfWork,
    revival_id: UUID,
    action: RevivalAction,
    body: RevivalTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> RevivalDetail | TransitionPreview:
    """Apply one transition: approval sets the track of the asset, a report stores its figures of today as `after`."""
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    revival = await get_revival(work, revival_id, lock=True)
    preview = await apply_transition(
        work,
        REVIVAL,
        revival,
        action,
        await _build_revival_facts(work, revival, body),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _revival_event(revival, was, now),
    )
    if preview is not None:
        return preview
    asset = await register.get_asset(work, revival.asset_id, lock=True)
    if action is RevivalAction.APPROVE:
        before = {"track": asset.track and str(asset.track)}
        asset.track = revival.track
        event = AssetChanged(asset_id=asset.id, fields=["track"])
        await save_record(work, asset, event, before=before, reason="盘活方案批准")
    if action is RevivalAction.REPORT:
        revival.after, revival.reported_by = await collect_figures(work, asset), work.actor.id
        revival.file_ids = [*revival.file_ids, *file_ids]
    work.session.add(revival)
    return await get_revival_detail(work, revival)


def _disposal_event(disposal: Disposal, was: str, now: str) -> DisposalMoved:
    return DisposalMoved(
        disposal_id=disposal.id, asset_id=disposal.asset_id, cause=disposal.cause, was=was, now=now
    )


async def _build_disposal_facts(
    work: UnitOfWork, disposal: Disposal, body: DisposalTransitionRequest
) -> DisposalFacts:
    active_contract, pledgee = await repository.find_obstacles(work, disposal.asset_id)
    return DisposalFacts(
        document_count=len(body.file_ids),
        on=work.today,
        value=body.value,
        document_no=body.document_no,
        held_on=body.held_on,
        voucher_no=body.voucher_no,
        proceeds=body.proceeds,
        notice_error=await _find_blocking_notice(work, disposal, body),
        active_contract=active_contract,
        pledgee=pledgee,
        reason=body.reason,
    )


async def _find_blocking_notice(
    work: UnitOfWork, disposal: Disposal, body: DisposalTransitionRequest
) -> FieldError | None:
    on = (body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    return notices.first_blocking_notice(
        await notices.get_notice_status(work, NOTICE_KIND, str(disposal.id), on), NoticeLevel.DISPOSAL
    )


def _step_columns(
    work: UnitOfWork, action: DisposalAction, body: DisposalTransitionRequest
) -> dict[str, Any]:
    """Columns that a transition sets."""
    match action:
        case DisposalAction.APPRAISE:
            return {"value": body.value, "appraisal_no": body.appraisal_no}
        case DisposalAction.DECIDE:
            return {"held_on": body.held_on, "decided_by": work.actor.id}
        case DisposalAction.APPROVE:
            return {"document_no": body.document_no, "approved_by": work.actor.id}
        case DisposalAction.BOOK:
            return {"proceeds": body.proceeds, "voucher_no": body.voucher_no, "booked_by": work.actor.id}
        case _:
            return {"result": body.reason}


async def _record_proceeds(work: UnitOfWork, asset: Asset, body: DisposalTransitionRequest) -> None:
    on = (body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    receipt = ReceiptPost.model_construct(
        id=None,
        amount=body.proceeds or 0,
        received_on=on,
        payer=body.payer or "资产处置",
        voucher_no=body.voucher_no,
        kind="disposal",
        note="处置收入",
    )
    await contracts.record_receipt(work, asset.id, receipt)


def _revival_event(revival: Revival, was: str, now: str) -> RevivalMoved:
    return RevivalMoved(revival_id=revival.id, asset_id=revival.asset_id, was=was, now=now)


async def _build_revival_facts(
    work: UnitOfWork, revival: Revival, body: RevivalTransitionRequest
) -> RevivalFacts:
    asset = await register.get_asset(work, revival.asset_id)
    return RevivalFacts(
        evidence_count=len(body.file_ids), in_use=asset.use is UseState.IN_USE, reason=body.reason
    )
