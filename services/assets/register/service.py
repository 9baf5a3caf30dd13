"""Use cases of the register: create, change and transition assets; codes and certificate numbers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.assets.custody.rules import next_inspection_due
from services.assets.policy import FUNDING_CODES, RIGHTS_CERTIFICATE, RIGHTS_NOTICE_CLASSES, SUBCLASSES
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
from services.assets.register.models import NOTICE_KIND, Asset, UseChange
from services.assets.register.repository import AssetRecords
from services.assets.register.rules import check_fields, find_missing_fields, to_columns
from services.assets.register.schemas import (
    FIXED_FIELDS,
    AssetChange,
    AssetClass,
    AssetCreate,
    AssetDetail,
    AssetOrigin,
    AssetRead,
    AssetTransitionRequest,
    CodeSets,
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
    entry_time,
)
from shared.notices import repository as notice_repository
from shared.notices import service as notices
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeStep, NoticeSubject
from shared.records import create_record, save_record
from shared.records.description import CodeRead
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

CERTIFICATE_SERIES = "QZ"
"""Series of certificate numbers, beside the class letters that asset codes use."""
EDITABLE_STATES = frozenset(
    {AssetState.DRAFT, AssetState.REGISTERED, AssetState.CONFIRMED, AssetState.HANDED_OVER}
)


@dataclass(frozen=True)
class DocumentContext:
    """What a document has already settled for its assets: that its own notice period is over, or that it is a split or merge."""

    notice_settled: bool = False
    is_split_or_merge: bool = False


NO_DOCUMENT = DocumentContext()


def _may_leave_the_register(asset: Asset, document: DocumentContext) -> bool:
    """Whether the next step may be RETURN or DISCARD of an asset that was on the register."""
    if document.notice_settled or document.is_split_or_merge:
        return False
    return asset.state is AssetState.REGISTERED or (
        asset.state is AssetState.DRAFT and asset.registered_at is not None
    )


async def build_asset_facts(
    work: UnitOfWork,
    asset: Asset,
    body: AssetTransitionRequest,
    when: datetime,
    records: AssetRecords,
    *,
    document: DocumentContext = NO_DOCUMENT,
) -> AssetFacts:
    """Facts for the guards of registration, as of the time of the transition."""
    needs_notice = asset.state is AssetState.REGISTERED and not document.notice_settled
    notice_error = await _find_blocking_notice(work, asset, when, records) if needs_notice else None
    return AssetFacts(
        missing_fields=find_missing_fields(vars(asset)) if asset.state is AssetState.DRAFT else (),
        notice_error=notice_error,
        owner_known=asset.owner_kind is not OwnerKind.UNKNOWN and bool(asset.owner_name),
        is_disposed=asset.use is UseState.DISPOSED,
        reason=body.reason,
        giver=body.giver,
        receiver=body.receiver,
        certificate_no=body.certificate_no,
        is_split_or_merge=document.is_split_or_merge,
        open_matters=records.open_matters if _may_leave_the_register(asset, document) else (),
    )


def build_use_facts(
    asset: Asset, body: AssetTransitionRequest, when: datetime, *, disposal_approved: bool = False
) -> UseFacts:
    """Facts for the guards of use, as of the time of the transition."""
    return UseFacts(
        is_registered=asset.state in COUNTED_STATES,
        reason=body.reason,
        evidence_count=len(body.evidence),
        person=body.person,
        deadline=body.deadline,
        on=when.astimezone(CHINA_TIME_ZONE).date(),
        disposal_approved=disposal_approved,
    )


async def list_available_actions(
    work: UnitOfWork, asset: Asset, records: AssetRecords
) -> list[AvailableAction]:
    """Actions the caller may take now, in both lifecycles; those that only documents take are left out."""
    empty_request = AssetTransitionRequest()
    registration = available_actions(
        work, ASSET, asset, await build_asset_facts(work, asset, empty_request, work.at, records)
    )
    if asset.state not in COUNTED_STATES:
        return registration
    use = available_actions(
        work, USE, asset, build_use_facts(asset, empty_request, work.at), state_field="use"
    )
    hidden = {AssetAction.SUPERSEDE, UseAction.DISPOSE}
    return [available for available in [*registration, *use] if available.action not in hidden]


async def transition_asset(
    work: UnitOfWork,
    asset: Asset,
    action: AssetAction,
    body: AssetTransitionRequest,
    *,
    match: VersionMatch | None = None,
    dry_run: bool = False,
    document: DocumentContext = NO_DOCUMENT,
) -> TransitionPreview | None:
    """Apply one registration transition to an asset that is already locked; on `dry_run` return a preview instead."""
    when = body.happened_at or work.at
    records = await repository.list_records(work, asset.id)
    facts = await build_asset_facts(work, asset, body, when, records, document=document)
    preview = await apply_transition(
        work,
        ASSET,
        asset,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _transition_event(asset, was, now),
    )
    if preview is None:
        await _record_transition(work, asset, action, body, when)
    return preview


async def issue_code(work: UnitOfWork, asset: Asset) -> str:
    """A new asset code: district, year built, class, serial (6206022023GY00001). A change of owner does not change it."""
    letters, district = asset.asset_class.letters, asset.region[:6]
    serial = await repository.system_allocate_serials(work, district, asset.year, letters)
    return format_code(district, asset.year, letters, serial)


async def issue_certificate_no(work: UnitOfWork, asset: Asset, year: int) -> str:
    """The next certificate number of the district and year, formatted by the rule rights.certificate."""
    prefix = (await work.get_rule(RIGHTS_CERTIFICATE, region=asset.region)).value.prefix
    serial = await repository.system_allocate_serials(work, asset.region[:6], year, CERTIFICATE_SERIES)
    return f"{prefix}〔{year}〕{serial}号"


def format_code(district: str, year: int, letters: str, serial: int) -> str:
    """The text of an asset code."""
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
    """Apply one use transition to an asset that is already locked; on `dry_run` return a preview instead."""
    evidence = [str(file_id) for file_id in body.evidence]
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


def build_notice_subject(asset: Asset) -> NoticeSubject:
    """Content of a notice about an asset; the name of a household owner is masked."""
    is_household = asset.owner_kind is OwnerKind.HOUSEHOLD
    return NoticeSubject(
        kind=NOTICE_KIND,
        id=str(asset.id),
        region=asset.region,
        version=asset.version,
        title=asset.name,
        steps={NoticeLevel.OWNERSHIP: NoticeStep()},
        department=asset.managing_unit,
        content={
            "资产编号": asset.code,
            "资产名称": asset.name,
            "类别": asset.asset_class.label,
            "原值(元)": format_yuan(asset.original_value),
            "建成日期": str(asset.built_on or ""),
            "坐落": asset.address,
            "形成项目": asset.project_name,
            "所有权人类型": asset.owner_kind.label,
            "所有权人": mask_name(asset.owner_name) if is_household else asset.owner_name,
        },
    )


async def create_asset(work: UnitOfWork, body: AssetCreate) -> Asset:
    """Create a draft of an older asset. Invalid when the fields contradict each other. Drafts do not count in sums."""
    work.actor.require(May.ASSET_REGISTER, body.region)
    when = entry_time(body.happened_at, work.at)
    fields = body.model_dump(exclude={"id", "region", "happened_at"})
    fields |= await _project_columns(work, fields)
    await check_fields(work, body.asset_class, fields, region=body.region)
    asset, created = await create_record(
        work,
        Asset,
        body,
        event=lambda asset: AssetEntered(asset_id=asset.id, origin=asset.origin, project_id=asset.project_id),
        event_time=when,
        region=body.region,
        id=body.id,
        origin=AssetOrigin.MANUAL,
        state=AssetState.DRAFT,
        state_since=when,
        use=UseState.IN_USE,
        use_since=when,
        **to_columns(fields),
    )
    if created:
        await repository.index_assets(work, [asset])
    return asset


async def update_asset(work: UnitOfWork, asset: Asset, body: AssetChange, match: VersionMatch) -> Asset:
    """Change fields of an asset that is already locked. After registration FIXED_FIELDS give Conflict, a missing reason Invalid."""
    work.actor.require(May.ASSET_REGISTER, asset.region, department=asset.managing_unit)
    match.require_version(asset)
    fields = body.model_dump(exclude_unset=True, exclude={"reason"})
    _check_editable(asset, fields, body.reason)
    fields |= await _project_columns(work, fields)
    if "region" in fields:
        work.actor.require(May.ASSET_REGISTER, fields["region"])
    await check_fields(
        work,
        fields.get("asset_class", asset.asset_class),
        _merged_fields(asset, fields),
        region=fields.get("region", asset.region),
        changed=fields,
    )
    values = to_columns(fields)
    before = {name: getattr(asset, name) for name in values if getattr(asset, name) != values[name]}
    for name, value in values.items():
        setattr(asset, name, value)
    await repository.index_assets(work, [asset])
    event = AssetChanged(asset_id=asset.id, fields=sorted(before))
    await save_record(work, asset, event, before=before, reason=body.reason)
    return asset


async def get_asset_detail(work: UnitOfWork, asset: Asset, records: AssetRecords) -> AssetDetail:
    """An asset with its use changes and the actions available to the caller."""
    return AssetDetail.model_construct(
        **dict(AssetRead.model_validate(asset)),
        use_changes=[UseChangeRead.model_validate(change) for change in records.use_changes],
        available_actions=await list_available_actions(work, asset, records),
    )


async def list_codes(work: UnitOfWork) -> CodeSets:
    """All codes with their labels; subclasses and funding codes from the rules of today."""
    rule = await work.get_rule(SUBCLASSES)
    return CodeSets(
        asset_class=AssetClass.labels(),
        subclass={kind.value: labels for kind, labels in rule.value.items()},
        funding=(await work.get_rule(FUNDING_CODES)).value.model_dump(),
        owner_kind=OwnerKind.labels(),
        right=Right.labels(),
        track=Track.labels(),
        origin=AssetOrigin.labels(),
        state=AssetState.labels(),
        use=UseState.labels(),
    )


async def list_subclass_codes(work: UnitOfWork) -> list[CodeRead]:
    """The subclasses of today as a code set; a code of two classes has the words of both."""
    words: dict[str, list[str]] = {}
    for labels in (await work.get_rule(SUBCLASSES)).value.values():
        for code, label in labels.items():
            words.setdefault(code, []).append(label)
    return [CodeRead(code=code, label="、".join(found)) for code, found in words.items()]


async def list_level_codes(work: UnitOfWork) -> list[CodeRead]:
    """The levels of funding of today as a code set."""
    labels = (await work.get_rule(FUNDING_CODES)).value.level
    return [CodeRead(code=code, label=label) for code, label in labels.items()]


async def list_fund_codes(work: UnitOfWork) -> list[CodeRead]:
    """The kinds of funds of today as a code set."""
    labels = (await work.get_rule(FUNDING_CODES)).value.fund
    return [CodeRead(code=code, label=label) for code, label in labels.items()]


async def _find_blocking_notice(
    work: UnitOfWork, asset: Asset, when: datetime, records: AssetRecords
) -> FieldError | None:
    on = when.astimezone(CHINA_TIME_ZONE).date()
    rule = await work.get_rule(RIGHTS_NOTICE_CLASSES, on=on, region=asset.region)
    if asset.asset_class not in rule.value:
        return None
    status = notices.compute_notice_status(records.notices, on)
    return notices.first_blocking_notice(status, NoticeLevel.OWNERSHIP)


def _transition_event(asset: Asset, was: AssetState, now: AssetState) -> AssetMoved | AssetHandedOver:
    if now is AssetState.HANDED_OVER:
        return AssetHandedOver(
            asset_id=asset.id, project_id=asset.project_id, original_value=asset.original_value
        )
    return AssetMoved(asset_id=asset.id, project_id=asset.project_id, was=was, now=now)


async def _record_transition(
    work: UnitOfWork, asset: Asset, action: AssetAction, body: AssetTransitionRequest, when: datetime
) -> None:
    """Write the columns that belong to a transition: person, date, document number."""
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
    # The notices showed another version of the record, so that confirmation needs a new one.
    for row in await notice_repository.list_by_subject(work, NOTICE_KIND, str(asset.id)):
        if row.withdrawn_at is None:
            await notices.withdraw_notice(work, row, f"退回更正: {reason}")


def _insert_use_change(
    work: UnitOfWork, asset: Asset, was: UseState, body: AssetTransitionRequest, evidence: list[str]
) -> None:
    """Insert the use change; an impaired use also writes reason, person and deadline to the asset."""
    is_sound = asset.use in {UseState.IN_USE, UseState.DISPOSED}
    asset.use_reason = "" if is_sound else body.reason
    asset.use_person = "" if is_sound else body.person
    asset.use_deadline = None if is_sound else body.deadline
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


async def _project_columns(work: UnitOfWork, fields: dict[str, Any]) -> dict[str, Any]:
    """The name of the project from its snapshot. Invalid when there is no such project in the caller's regions."""
    if fields.get("project_id") is None:
        return {}
    project = await repository.find_project(work, fields["project_id"])
    if project is None:
        message = "项目库没有这个项目; 不在库内的老项目请只填形成项目名称"
        error = FieldError("no_such_project", message, "No such project", "/project_id")
        raise Invalid(message, "No such project", errors=[error])
    return {"project_name": project.name}


def _check_editable(asset: Asset, fields: dict[str, Any], reason: str) -> None:
    if asset.state not in EDITABLE_STATES or asset.use is UseState.DISPOSED:
        state = UseState.DISPOSED.label if asset.use is UseState.DISPOSED else asset.state.label
        raise Conflict(f"资产{state}, 不能再修改", f"The asset is {asset.state}")
    if asset.state is AssetState.DRAFT:
        return
    if fixed_fields := sorted(FIXED_FIELDS & set(fields)):
        message = "登记后不能直接修改, 请退回更正、办理权属变更或价值调整"
        errors = [FieldError("fixed", message, "fixed once registered", f"/{name}") for name in fixed_fields]
        raise Conflict(message, "Fixed once registered", errors=errors)
    if not reason.strip():
        raise Invalid(
            "登记后修改须写明理由",
            "A reason is needed",
            errors=[FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")],
        )


def _merged_fields(asset: Asset, fields: dict[str, Any]) -> dict[str, Any]:
    names = ("subclass", "built_on", "original_value", "funding", "owner_kind", "track")
    return {name: getattr(asset, name) for name in names} | fields
