"""Taking an asset along one of its two lives."""

from dataclasses import dataclass
from datetime import datetime

from services.assets.keeping.rhythm import next_visit
from services.assets.register import repository
from services.assets.register.events import AssetUseChanged
from services.assets.register.fields import incomplete
from services.assets.register.kinds import OwnerKind
from services.assets.register.lifecycle import (
    ASSET,
    COUNTED,
    USE,
    AssetAction,
    AssetFacts,
    AssetState,
    UseAction,
    UseFacts,
    UseState,
)
from services.assets.register.models import Asset, UseChange
from services.assets.register.schemas import AssetAct
from shared import files
from shared.contracts.assets import AssetHandedOver, AssetMoved
from shared.errors import Fault
from shared.http import Match
from shared.ids import new_id
from shared.money import yuan
from shared.moves import Offer, Preview, fire, offers
from shared.notices import repository as boards
from shared.notices import service as notices
from shared.notices.schemas import Level
from shared.notices.service import Subject
from shared.personal import mask_name
from shared.work import CHINA, Work

CERTIFICATE = "QZ"
"""The series of certificate numbers, beside those of the classes."""
NOTICE = "asset"
"""Subject kind of an asset's notices."""


@dataclass(frozen=True)
class Paper:
    """What a document over many assets has settled already: its own notice, or a split or merger."""

    noticed: bool = False
    reshaped: bool = False


ALONE = Paper()


async def facts(
    work: Work, asset: Asset, act: AssetAct, when: datetime, *, paper: Paper = ALONE
) -> AssetFacts:
    """What the guards of registration look at, as it stood when the move happened."""
    asked = asset.state is AssetState.REGISTERED and not paper.noticed
    notice = await _notice(work, asset, when) if asked else None
    return AssetFacts(
        incomplete=incomplete(vars(asset)) if asset.state is AssetState.DRAFT else (),
        notice=notice,
        owner_known=asset.owner_kind is not OwnerKind.UNKNOWN and bool(asset.owner_name),
        disposed=asset.use is UseState.DISPOSED,
        reason=act.reason,
        giver=act.giver,
        receiver=act.receiver,
        certificate_no=act.certificate_no,
        reshaped=paper.reshaped,
    )


async def _notice(work: Work, asset: Asset, when: datetime) -> Fault | None:
    on = when.astimezone(CHINA).date()
    rule = await work.rule("rights.notice_classes", on=on, region=asset.region)
    if asset.asset_class not in rule.value:
        return None
    standing = await notices.standing(work, NOTICE, str(asset.id), on)
    return notices.missing(standing, Level.RIGHTS)


def use_facts(asset: Asset, act: AssetAct, when: datetime, *, disposal_approved: bool = False) -> UseFacts:
    """What the guards of use look at."""
    return UseFacts(
        registered=asset.state in COUNTED,
        reason=act.reason,
        evidence=len(act.evidence),
        person=act.person,
        deadline=act.deadline,
        on=when.astimezone(CHINA).date(),
        disposal_approved=disposal_approved,
    )


async def offered(work: Work, asset: Asset) -> list[Offer]:
    """What the caller could do with the asset now, along both lives."""
    blank = AssetAct()
    registration = offers(work, ASSET, asset, await facts(work, asset, blank, work.at))
    if asset.state not in COUNTED:
        return registration
    use = offers(work, USE, asset, use_facts(asset, blank, work.at), of="use")
    hidden = {AssetAction.SUPERSEDE, UseAction.DISPOSE}
    return [one for one in [*registration, *use] if one.action not in hidden]


async def act(
    work: Work,
    asset: Asset,
    action: AssetAction,
    body: AssetAct,
    *,
    match: Match | None = None,
    dry_run: bool = False,
    paper: Paper = ALONE,
) -> Preview | None:
    """One step of registration on an asset the caller holds locked; a preview when it is only asked."""
    when = body.happened_at or work.at
    known = await facts(work, asset, body, when, paper=paper)
    preview = await fire(
        work,
        ASSET,
        asset,
        action,
        known,
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _moved(asset, was, now),
    )
    if preview is None:
        await _signed(work, asset, action, body, when)
    return preview


def _moved(asset: Asset, was: AssetState, now: AssetState) -> AssetMoved | AssetHandedOver:
    if now is AssetState.HANDED_OVER:
        return AssetHandedOver(
            asset_id=asset.id, project_id=asset.project_id, original_value=asset.original_value
        )
    return AssetMoved(asset_id=asset.id, project_id=asset.project_id, was=was, now=now)


async def _signed(work: Work, asset: Asset, action: AssetAction, body: AssetAct, when: datetime) -> None:
    """What a step leaves on the record: who, when, by which paper."""
    on = when.astimezone(CHINA).date()
    match action:
        case AssetAction.REGISTER:
            asset.registered_by, asset.registered_at = work.actor.id, when
            asset.inspect_due_on = await next_visit(work, asset)
            if not asset.code:
                asset.code = await issue_code(work, asset)
                await repository.index(work, [asset])
        case AssetAction.CONFIRM:
            asset.confirmed_by, asset.confirmed_on = work.actor.id, on
            asset.certificate_no = body.certificate_no or await issue_certificate(work, asset, on.year)
        case AssetAction.HAND_OVER:
            asset.offered_by = work.actor.id
            asset.giver, asset.receiver, asset.transfer_no = body.giver, body.receiver, body.transfer_no
        case AssetAction.RECEIVE:
            asset.received_by, asset.handed_over_on = work.actor.id, on
        case AssetAction.RETURN:
            await _take_notices_down(work, asset, body.reason)
        case _:
            return
    work.session.add(asset)


async def _take_notices_down(work: Work, asset: Asset, reason: str) -> None:
    # What hung on the board was another version of the record; confirmation needs a new notice.
    for row in await boards.of_subject(work, NOTICE, str(asset.id)):
        if row.withdrawn_at is None:
            await notices.withdraw(work, row, f"退回更正: {reason}")


async def issue_code(work: Work, asset: Asset) -> str:
    """District, year built, class and serial: 6206022023GY00001. Given once; it survives a change of owner."""
    letters, district = asset.asset_class.letters, asset.region[:6]
    serial = await repository.system_serials(work, district, asset.year, letters)
    return code_of(district, asset.year, letters, serial)


async def issue_certificate(work: Work, asset: Asset, year: int) -> str:
    """The next number of the district's year for a certificate of rights, as the district's rule writes it."""
    prefix = (await work.rule("rights.certificate", region=asset.region)).value["prefix"]
    serial = await repository.system_serials(work, asset.region[:6], year, CERTIFICATE)
    return f"{prefix}〔{year}〕{serial}号"


def code_of(district: str, year: int, letters: str, serial: int) -> str:
    """An asset code as it is written."""
    return f"{district}{year:04d}{letters}{serial:05d}"


async def change_use(
    work: Work,
    asset: Asset,
    action: UseAction,
    body: AssetAct,
    *,
    match: Match | None = None,
    dry_run: bool = False,
    disposal_approved: bool = False,
) -> Preview | None:
    """One change of use on an asset the caller holds locked, with its reason, evidence, deadline and person."""
    evidence = [str(one) for one in body.evidence]
    await files.require(work, evidence, "/evidence")
    was = asset.use
    when = body.happened_at or work.at
    preview = await fire(
        work,
        USE,
        asset,
        action,
        use_facts(asset, body, when, disposal_approved=disposal_approved),
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda before, now: AssetUseChanged(
            asset_id=asset.id, was=before, now=now, deadline=body.deadline
        ),
        of="use",
    )
    if preview is not None:
        return preview
    _noted(work, asset, was, body, evidence)
    return None


def _noted(work: Work, asset: Asset, was: UseState, body: AssetAct, evidence: list[str]) -> None:
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


def subject(asset: Asset) -> Subject:
    """What a notice shows of an asset: a household by its family name only."""
    private = asset.owner_kind is OwnerKind.HOUSEHOLD
    return Subject(
        kind=NOTICE,
        id=str(asset.id),
        region=asset.region,
        version=asset.version,
        title=asset.name,
        content={
            "资产编号": asset.code,
            "资产名称": asset.name,
            "类别": asset.asset_class.label,
            "原值(元)": yuan(asset.original_value),
            "建成日期": str(asset.built_on or ""),
            "坐落": asset.address,
            "形成项目": asset.project_name,
            "所有权人类型": asset.owner_kind.label,
            "所有权人": mask_name(asset.owner_name) if private else asset.owner_name,
        },
    )
