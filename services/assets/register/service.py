"""Taking an asset along one of its two lives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.assets.custody.rules import next_inspection_due
from services.assets.register import repository
from services.assets.register.events import AssetChanged, AssetEntered, AssetUseChanged
from services.assets.register.lifecycle import (
    ASSET,
    COUNTED_STATES,
    USE,
    AssetAction,
    AssetFacts,
    AssetState,
    UseAction,
    UseFacts,
    UseState,
)
from services.assets.register.models import Asset, UseChange
from services.assets.register.rules import check_fields, find_missing_fields, to_columns
from services.assets.register.schemas import (
    FIXED_FIELDS,
    AssetChange,
    AssetClass,
    AssetCreate,
    AssetDetail,
    AssetRead,
    AssetTransitionRequest,
    CodeSets,
    Origin,
    OwnerKind,
    Right,
    Track,
    UseChangeRead,
)
from shared.auth import May, mask_name
from shared.china import format_yuan
from shared.clients.assets import AssetHandedOver, AssetMoved
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    AvailableAction,
    TransitionPreview,
    apply_transition,
    available_actions,
)
from shared.notices import repository as boards
from shared.notices import service as notices
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeSubject
from shared.records import create_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork, to_json_values

CERTIFICATE_SERIES = "QZ"
"""The series of certificate numbers, beside those of the classes."""
NOTICE_KIND = "asset"
"""Subject kind of an asset's notices."""


@dataclass(frozen=True)
class DocumentContext:
    """What a document over many assets has settled already: its own notice, or a split or merger."""

    notice_settled: bool = False
    is_split_or_merge: bool = False


NO_DOCUMENT = DocumentContext()


async def build_asset_facts(
    work: UnitOfWork,
    asset: Asset,
    act: AssetTransitionRequest,
    when: datetime,
    *,
    paper: DocumentContext = NO_DOCUMENT,
) -> AssetFacts:
    """What the guards of registration look at, as it stood when the move happened."""
    asked = asset.state is AssetState.REGISTERED and not paper.notice_settled
    notice = await _find_blocking_notice(work, asset, when) if asked else None
    return AssetFacts(
        incomplete=find_missing_fields(vars(asset)) if asset.state is AssetState.DRAFT else (),
        notice_fault=notice,
        owner_known=asset.owner_kind is not OwnerKind.UNKNOWN and bool(asset.owner_name),
        is_disposed=asset.use is UseState.DISPOSED,
        reason=act.reason,
        giver=act.giver,
        receiver=act.receiver,
        certificate_no=act.certificate_no,
        is_split_or_merge=paper.is_split_or_merge,
    )


async def _find_blocking_notice(work: UnitOfWork, asset: Asset, when: datetime) -> FieldError | None:
    on = when.astimezone(CHINA_TIME_ZONE).date()
    rule = await work.get_rule("rights.notice_classes", on=on, region=asset.region)
    if asset.asset_class not in rule.value:
        return None
    standing = await notices.get_notice_status(work, NOTICE_KIND, str(asset.id), on)
    return notices.first_blocking_notice(standing, NoticeLevel.OWNERSHIP)


def build_use_facts(
    asset: Asset, act: AssetTransitionRequest, when: datetime, *, disposal_approved: bool = False
) -> UseFacts:
    """What the guards of use look at."""
    return UseFacts(
        is_registered=asset.state in COUNTED_STATES,
        reason=act.reason,
        evidence_count=len(act.evidence),
        person=act.person,
        deadline=act.deadline,
        on=when.astimezone(CHINA_TIME_ZONE).date(),
        disposal_approved=disposal_approved,
    )


async def list_available_actions(work: UnitOfWork, asset: Asset) -> list[AvailableAction]:
    """What the caller could do with the asset now, along both lives."""
    blank = AssetTransitionRequest()
    registration = available_actions(work, ASSET, asset, await build_asset_facts(work, asset, blank, work.at))
    if asset.state not in COUNTED_STATES:
        return registration
    use = available_actions(work, USE, asset, build_use_facts(asset, blank, work.at), state_field="use")
    hidden = {AssetAction.SUPERSEDE, UseAction.DISPOSE}
    return [one for one in [*registration, *use] if one.action not in hidden]


async def transition_asset(
    work: UnitOfWork,
    asset: Asset,
    action: AssetAction,
    body: AssetTransitionRequest,
    *,
    match: VersionMatch | None = None,
    dry_run: bool = False,
    paper: DocumentContext = NO_DOCUMENT,
) -> TransitionPreview | None:
    """One step of registration on an asset the caller holds locked; a preview when it is only asked."""
    when = body.happened_at or work.at
    known = await build_asset_facts(work, asset, body, when, paper=paper)
    preview = await apply_transition(
        work,
        ASSET,
        asset,
        action,
        known,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _transition_event(asset, was, now),
    )
    if preview is None:
        await _record_transition(work, asset, action, body, when)
    return preview


def _transition_event(asset: Asset, was: AssetState, now: AssetState) -> AssetMoved | AssetHandedOver:
    if now is AssetState.HANDED_OVER:
        return AssetHandedOver(
            asset_id=asset.id, project_id=asset.project_id, original_value=asset.original_value
        )
    return AssetMoved(asset_id=asset.id, project_id=asset.project_id, was=was, now=now)


async def _record_transition(
    work: UnitOfWork, asset: Asset, action: AssetAction, body: AssetTransitionRequest, when: datetime
) -> None:
    """What a step leaves on the record: who, when, by which paper."""
    on = when.astimezone(CHINA_TIME_ZONE).date()
    match action:
        case AssetAction.REGISTER:
            asset.registered_by, asset.registered_at = work.actor.id, when
            asset.inspect_due_on = await next_inspection_due(work, asset)
            if not asset.code:
                asset.code = await issue_code(work, asset)
                await repository.index_assets(work, [asset])
        case AssetAction.CONFIRM:
            asset.confirmed_by, asset.confirmed_on = work.actor.id, on
            asset.certificate_no = body.certificate_no or await issue_certificate_no(work, asset, on.year)
        case AssetAction.HAND_OVER:
            asset.offered_by = work.actor.id
            asset.giver, asset.receiver, asset.transfer_no = body.giver, body.receiver, body.transfer_no
        case AssetAction.RECEIVE:
            asset.received_by, asset.handed_over_on = work.actor.id, on
        case AssetAction.RETURN:
            await _withdraw_notices(work, asset, body.reason)
        case _:
            return
    work.session.add(asset)


async def _withdraw_notices(work: UnitOfWork, asset: Asset, reason: str) -> None:
    # What hung on the board was another version of the record; confirmation needs a new notice.
    for row in await boards.list_by_subject(work, NOTICE_KIND, str(asset.id)):
        if row.withdrawn_at is None:
            await notices.withdraw_notice(work, row, f"退回更正: {reason}")


async def issue_code(work: UnitOfWork, asset: Asset) -> str:
    """District, year built, class and serial: 6206022023GY00001. Given once; it survives a change of owner."""
    letters, district = asset.asset_class.letters, asset.region[:6]
    serial = await repository.system_allocate_serials(work, district, asset.year, letters)
    return format_code(district, asset.year, letters, serial)


async def issue_certificate_no(work: UnitOfWork, asset: Asset, year: int) -> str:
    """The next number of the district's year for a certificate of rights, as the district's rule writes it."""
    prefix = (await work.get_rule("rights.certificate", region=asset.region)).value["prefix"]
    serial = await repository.system_allocate_serials(work, asset.region[:6], year, CERTIFICATE_SERIES)
    return f"{prefix}〔{year}〕{serial}号"


def format_code(district: str, year: int, letters: str, serial: int) -> str:
    """An asset code as it is written."""
    return f"{district}{year:04d}{letters}{serial:05d}"


async def transition_use(
    work: UnitOfWork,
    asset: Asset,
    action: UseAction,
    body: AssetTransitionRequest,
    *,
    match: VersionMatch | None = None,
    dry_run: bool = False,
    disposal_approved: bool = False,
) -> TransitionPreview | None:
    """One change of use on an asset the caller holds locked, with its reason, evidence, deadline and person."""
    evidence = [str(one) for one in body.evidence]
    await uploads.require_files(work, evidence, "/evidence")
    was = asset.use
    when = body.happened_at or work.at
    preview = await apply_transition(
        work,
        USE,
        asset,
        action,
        build_use_facts(asset, body, when, disposal_approved=disposal_approved),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda before, now: AssetUseChanged(
            asset_id=asset.id, was=before, now=now, deadline=body.deadline
        ),
        state_field="use",
    )
    if preview is not None:
        return preview
    _insert_use_change(work, asset, was, body, evidence)
    return None


def _insert_use_change(
    work: UnitOfWork, asset: Asset, was: UseState, body: AssetTransitionRequest, evidence: list[str]
) -> None:
    """The change beside the asset; what is bad keeps its person and deadline on the asset itself."""
    good = asset.use in {UseState.IN_USE, UseState.DISPOSED}
    asset.use_reason = "" if good else body.reason
    asset.use_person = "" if good else body.person
    asset.use_deadline = None if good else body.deadline
    work.session.add(asset)
    work.session.add(
        UseChange(
            id=new_id(),
            asset_id=asset.id,
            region=asset.region,
            was=was,
            now=asset.use,
            reason=body.reason,
            evidence=evidence,
            person=body.person,
            deadline=body.deadline,
            happened_at=asset.use_since,
            created_at=work.at,
            created_by=work.actor.id,
        )
    )


def build_notice_subject(asset: Asset) -> NoticeSubject:
    """What a notice shows of an asset: a household by its family name only."""
    private = asset.owner_kind is OwnerKind.HOUSEHOLD
    return NoticeSubject(
        kind=NOTICE_KIND,
        id=str(asset.id),
        region=asset.region,
        version=asset.version,
        title=asset.name,
        content={
            "资产编号": asset.code,
            "资产名称": asset.name,
            "类别": asset.asset_class.label,
            "原值(元)": format_yuan(asset.original_value),
            "建成日期": str(asset.built_on or ""),
            "坐落": asset.address,
            "形成项目": asset.project_name,
            "所有权人类型": asset.owner_kind.label,
            "所有权人": mask_name(asset.owner_name) if private else asset.owner_name,
        },
    )


EDITABLE_STATES = frozenset(
    {AssetState.DRAFT, AssetState.REGISTERED, AssetState.CONFIRMED, AssetState.HANDED_OVER}
)


async def create_asset(work: UnitOfWork, body: AssetCreate) -> Asset:
    """An older asset as a draft. Invalid when the fields contradict each other; nothing is counted before it is registered."""
    work.actor.require(May.ASSET_REGISTER, body.region)
    when = body.happened_at or work.at
    if when > work.at:
        raise Invalid("补登时间不能晚于现在", "happened_at lies in the future")
    given = body.model_dump(exclude={"id", "region", "happened_at"})
    given |= await _project_columns(work, given)
    await check_fields(work, body.asset_class, given)
    asset, fresh = await create_record(
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
        **to_columns(given),
    )
    if fresh:
        await repository.index_assets(work, [asset])
        event = AssetEntered(asset_id=asset.id, origin=asset.origin, project_id=asset.project_id)
        await work.publish(event, asset, happened_at=when)
    return asset


async def _project_columns(work: UnitOfWork, given: dict[str, Any]) -> dict[str, Any]:
    """The project's name as the library has it. Invalid when the library told of no such project here."""
    if given.get("project_id") is None:
        return {}
    card = await repository.find_project(work, given["project_id"])
    if card is None:
        words = "项目库没有这个项目; 不在库内的老项目请只填形成项目名称"
        fault = FieldError("no_such_project", words, "No such project", "/project_id")
        raise Invalid(words, "No such project", errors=[fault])
    return {"project_name": card.name}


async def update_asset(work: UnitOfWork, asset: Asset, body: AssetChange, match: VersionMatch) -> Asset:
    """Change an asset the caller holds locked. Once registered, its identity is fixed and every change has a reason."""
    work.actor.require(May.ASSET_REGISTER, asset.region)
    match.require_version(asset)
    given = body.model_dump(exclude_unset=True, exclude={"reason"})
    _check_editable(asset, given, body.reason)
    given |= await _project_columns(work, given)
    if "region" in given:
        work.actor.require(May.ASSET_REGISTER, given["region"])
    await check_fields(
        work, given.get("asset_class", asset.asset_class), _merged_fields(asset, given), changed=given
    )
    values = to_columns(given)
    before = {name: getattr(asset, name) for name in values if getattr(asset, name) != values[name]}
    for name, value in values.items():
        setattr(asset, name, value)
    asset.version += 1
    asset.updated_at = work.at
    work.session.add(asset)
    await repository.index_assets(work, [asset])
    event = AssetChanged(asset_id=asset.id, fields=sorted(before))
    await work.publish(event, asset, before=to_json_values(before), reason=body.reason)
    return asset


def _check_editable(asset: Asset, given: dict[str, Any], reason: str) -> None:
    if asset.state not in EDITABLE_STATES or asset.use is UseState.DISPOSED:
        state = UseState.DISPOSED.label if asset.use is UseState.DISPOSED else asset.state.label
        raise Conflict(f"资产{state}, 不能再修改", f"The asset is {asset.state}")
    if asset.state is AssetState.DRAFT:
        return
    if fixed := sorted(FIXED_FIELDS & set(given)):
        words = "登记后不能直接修改, 请退回更正、办理权属变更或价值调整"
        faults = [FieldError("fixed", words, "fixed once registered", f"/{name}") for name in fixed]
        raise Conflict(words, "Fixed once registered", errors=faults)
    if not reason.strip():
        raise Invalid(
            "登记后修改须写明理由",
            "A reason is needed",
            errors=[FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")],
        )


def _merged_fields(asset: Asset, given: dict[str, Any]) -> dict[str, Any]:
    names = ("subclass", "built_on", "original_value", "funding", "owner_kind", "track")
    return {name: getattr(asset, name) for name in names} | given


async def get_asset_detail(work: UnitOfWork, asset: Asset) -> AssetDetail:
    """An asset, how its use changed, and what the caller could do with it."""
    changes = await repository.list_use_changes(work, asset.id)
    return AssetDetail.model_construct(
        **dict(AssetRead.model_validate(asset)),
        use_changes=[UseChangeRead.model_validate(one) for one in changes],
        available_actions=await list_available_actions(work, asset),
    )


async def list_codes(work: UnitOfWork) -> CodeSets:
    """Every code with its label, the subclasses as today's rule has them."""
    rule = await work.get_rule("codes.subclass")
    return CodeSets(
        asset_class=AssetClass.labels(),
        subclass=rule.value,
        funding=(await work.get_rule("codes.funding")).value,
        owner_kind=OwnerKind.labels(),
        right=Right.labels(),
        track=Track.labels(),
        origin=Origin.labels(),
        state=AssetState.labels(),
        use=UseState.labels(),
    )
