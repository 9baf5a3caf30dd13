"""Use cases of monitored households: verify at home, compare, appraise, review, approve, help, remove the risk."""

import json
from datetime import date
from typing import Any
from uuid import UUID

from services.households.clues import repository as clues
from services.households.clues.lifecycle import ClueAction
from services.households.clues.schemas import ClueTransitionRequest
from services.households.clues.service import require_village, transition_clue
from services.households.households import repository
from services.households.households.events import HouseholdChanged, HouseholdMoved, HouseholdOpened
from services.households.households.lifecycle import (
    HOUSEHOLD,
    HouseholdAction,
    HouseholdFacts,
    HouseholdState,
)
from services.households.households.models import Household, HouseholdMember
from services.households.households.rules import WORDS, CheckedHousehold, list_faults
from services.households.households.schemas import (
    CadreAssign,
    FamilyMember,
    FamilyMemberRead,
    HouseholdChange,
    HouseholdCreate,
    HouseholdDetail,
    HouseholdFile,
    HouseholdIncome,
    HouseholdRead,
    HouseholdTransitionRequest,
    MonitorClass,
    Relation,
    RiskCause,
    Safeguards,
)
from services.households.measures import repository as measures
from services.households.measures.events import HelpMeasureMoved
from services.households.personal import mark_person, seal, unseal
from services.households.policy import CLASSES, INCOME_LINE, DeadlineStep, find_deadline
from shared.auth import May, mask_name
from shared.china import parse_yuan
from shared.db import new_id
from shared.errors import Conflict, FieldError, invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeStep, NoticeSubject, first_blocking_notice, get_notice_status
from shared.records import create_record, log_event, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

NOTICE_KIND = "household"
NOTICE_LEVELS = {
    HouseholdState.APPRAISED: NoticeLevel.MONITORING,
    HouseholdState.REMOVAL_APPRAISED: NoticeLevel.REMOVAL,
}
"""State → the notice that stands in it."""
LOW_INCOME_CLASSES = (MonitorClass.UNSTABLE, MonitorClass.MARGINAL)
CHANGEABLE_STATES = (HouseholdState.VERIFIED, HouseholdState.MONITORED)


async def create_household(work: UnitOfWork, body: HouseholdCreate) -> Household:
    """Enter what a visit at home found; the clue that led there is done.

    Conflict when a person stands in another current household; Invalid for a class that is not in force.
    """
    file_ids = [str(file_id) for file_id in body.file_ids]
    await require_village(work, body.region)
    await uploads.require_files(work, file_ids, "/file_ids")
    work.actor.require(May.HOUSEHOLD_INVESTIGATE, body.region, body.cadre)
    if body.verified_on > work.today:
        raise invalid_field("in_the_future", "入户核查日期不能晚于今天", "/verified_on")
    due_on, rule_ref = await find_deadline(work, body.region, body.verified_on, DeadlineStep.APPROVE)
    await _require_sound(work, body)
    clue = await clues.get_clue(work, body.clue_id, lock=True) if body.clue_id else None
    if clue is not None and clue.region != body.region:
        raise invalid_field("elsewhere", "监测户须与线索在同一个村", "/region", "The clue is elsewhere")
    household, is_new = await insert_household(work, body, file_ids, due_on=due_on, rule_ref=rule_ref)
    if is_new and clue is not None:
        clue.household_id = household.id
        request = ClueTransitionRequest.model_construct(visited_on=body.verified_on)
        await transition_clue(work, clue, ClueAction.RECORD, request, match=None)
    return household


async def _require_sound(work: UnitOfWork, body: HouseholdCreate) -> None:
    await _require_class(work, body.monitor_class, body.verified_on, body.region)
    marks = [mark_person(work, member.id_no) for member in body.members]
    if len(set(marks)) < len(marks):
        raise invalid_field("twice", "同一证件号填了两次", "/members", "A person is named twice")
    known = await repository.system_list_known_marks(work, marks, body.id)
    errors = [
        FieldError("known", "该证件号已登记在另一户", "in another household", f"/members/{index}/id_no")
        for index, mark in enumerate(marks)
        if mark in known
    ]
    if errors:
        raise Conflict(
            "有成员已登记在另一户, 请先核对", "A person stands in another household", errors=errors
        )


async def _require_class(work: UnitOfWork, monitor_class: MonitorClass, on: date, region: str) -> None:
    allowed = (await work.get_rule(CLASSES, on=on, region=region)).value
    if monitor_class not in allowed:
        labels = "、".join(MonitorClass(code).label for code in allowed)
        raise invalid_field("not_in_force", f"{on:%Y} 年的监测对象类别是: {labels}", "/monitor_class")


def _find_head(members: list[FamilyMember]) -> str:
    heads = [member.name for member in members if member.relation is Relation.HEAD]
    return (heads or [members[0].name])[0]


async def insert_household(
    work: UnitOfWork,
    body: HouseholdCreate,
    file_ids: list[str],
    *,
    measures_done: int = 0,
    **columns: Any,  # noqa: ANN401 - columns of a household that is imported further on its way
) -> tuple[Household, bool]:
    """Insert a household with its members, sealed; (household, whether it is new). `columns` name its deadline and that rule."""
    household_id = body.id or new_id()
    told: dict[str, Any] = {"state": HouseholdState.VERIFIED, **columns}
    checked = CheckedHousehold(
        state=told["state"],
        household_type=body.household_type,
        monitor_class=body.monitor_class,
        relations=tuple(member.relation for member in body.members),
        risks=tuple(body.risks),
        income=body.income,
        safeguards=body.safeguards,
        verified_on=body.verified_on,
        identified_on=told.get("identified_on"),
        removal_way=told.get("removal_way"),
        measures_done=measures_done,
    )
    household, is_new = await create_record(
        work,
        Household,
        body,
        event=lambda one: HouseholdMoved(household_id=one.id, was="", now=one.state),
        region=body.region,
        id=household_id,
        head_masked=mask_name(_find_head(body.members)),
        size=len(body.members),
        phone_sealed=seal(work, "household", household_id, "phone", body.phone or ""),
        account_sealed=seal(work, "household", household_id, "account", body.account or ""),
        risks_sealed=seal(work, "household", household_id, "risks", json.dumps(body.risks)),
        income=body.income.model_dump(mode="python"),
        per_head=body.income.net // len(body.members),
        safeguards=body.safeguards.model_dump(),
        file_ids=file_ids,
        faults=list_faults(checked),
        state_since=work.at,
        **body.model_dump(
            include={
                "clue_id",
                "number",
                "household_type",
                "monitor_class",
                "no_labour",
                "income_unstable",
                "verified_on",
                "cadre",
                "cadre_name",
            }
        ),
        **told,
    )
    if is_new:
        work.session.add_all(_build_member(work, household, member) for member in body.members)
        await work.session.flush()
    return household, is_new


def _build_member(work: UnitOfWork, household: Household, member: FamilyMember) -> HouseholdMember:
    member_id = new_id()
    return HouseholdMember(
        id=member_id,
        region=household.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        household_id=household.id,
        name_sealed=seal(work, "household_member", member_id, "name", member.name),
        id_no_sealed=seal(work, "household_member", member_id, "id_no", member.id_no),
        id_mark=mark_person(work, member.id_no),
        relation=member.relation,
    )


def _list_risks(work: UnitOfWork, household: Household) -> list[RiskCause]:
    return [RiskCause(code) for code in json.loads(unseal(work, household, "risks") or "[]")]


async def refresh_faults(work: UnitOfWork, household: Household) -> None:
    """Check a household as it stands, with its members and measures, and keep what fails."""
    members = await repository.list_members(work, household)
    _, done = await repository.count_measures(work, household)
    household.faults = list_faults(
        CheckedHousehold(
            state=household.state,
            household_type=household.household_type,
            monitor_class=household.monitor_class,
            relations=tuple(member.relation for member in members),
            risks=tuple(_list_risks(work, household)),
            income=HouseholdIncome.model_construct(**household.income),
            safeguards=Safeguards(**household.safeguards),
            verified_on=household.verified_on,
            identified_on=household.identified_on,
            removal_way=household.removal_way,
            income_after=HouseholdIncome.model_construct(**household.income_after)
            if household.income_after
            else None,
            safeguards_after=Safeguards(**household.safeguards_after) if household.safeguards_after else None,
            measures_done=done,
        )
    )
    work.session.add(household)


async def update_household(
    work: UnitOfWork, household_id: UUID, body: HouseholdChange, match: VersionMatch
) -> Household:
    """Enter what a further visit found. Conflict while others decide about the household."""
    changes = body.model_dump(exclude_unset=True, exclude_none=True, mode="python")
    file_ids = [str(file_id) for file_id in body.file_ids or ()]
    await uploads.require_files(work, file_ids, "/file_ids")
    household = await repository.get_household(work, household_id, lock=True)
    work.actor.require(May.HOUSEHOLD_INVESTIGATE, household.region, household.cadre)
    match.require_version(household)
    if household.state not in CHANGEABLE_STATES:
        raise Conflict(f"监测户{household.state.label}, 不能修改核查信息", f"It is {household.state}")
    if body.monitor_class is not None:
        await _require_class(work, body.monitor_class, household.verified_on, household.region)
    if body.risks is not None:
        household.risks_sealed = seal(
            work, "household", household.id, "risks", json.dumps(changes.pop("risks"))
        )
    if body.income is not None:
        household.per_head = body.income.net // household.size
    if body.file_ids is not None:
        changes["file_ids"] = list(dict.fromkeys([*household.file_ids, *file_ids]))
    for name, value in changes.items():
        setattr(household, name, value)
    await refresh_faults(work, household)
    event = HouseholdChanged(household_id=household.id, fields=sorted(body.model_fields_set))
    await save_record(work, household, event)
    return household


async def assign_cadre(
    work: UnitOfWork, household_id: UUID, body: CadreAssign, match: VersionMatch
) -> Household:
    """Name the cadre who helps a household; whoever helped before does not reach it any more."""
    household = await repository.get_household(work, household_id, lock=True)
    work.actor.require(May.HOUSEHOLD_REVIEW, household.region)
    match.require_version(household)
    household.cadre, household.cadre_name = body.cadre, body.cadre_name
    await save_record(work, household, HouseholdChanged(household_id=household.id, fields=["cadre"]))
    for measure in await measures.list_of_household(work, household.id):
        measure.cadre = body.cadre
        event = HelpMeasureMoved(
            measure_id=measure.id, household_id=household.id, was=measure.state, now=measure.state
        )
        await save_record(work, measure, event)
    return household


async def open_household(work: UnitOfWork, household_id: UUID, purpose: str) -> HouseholdFile:
    """The file of a household in clear; the reading and its purpose are logged as an event."""
    household = await repository.get_household(work, household_id)
    work.actor.require(May.HOUSEHOLD_OPEN, household.region, household.cadre)
    members = await repository.list_members(work, household)
    await log_event(work, household, HouseholdOpened(household_id=household.id, purpose=purpose))
    income, after = HouseholdIncome.model_construct(**household.income), household.income_after
    return HouseholdFile.model_construct(
        household_id=household.id,
        members=[
            FamilyMemberRead(
                name=unseal(work, one, "name"), id_no=unseal(work, one, "id_no"), relation=one.relation
            )
            for one in members
        ],
        phone=unseal(work, household, "phone"),
        account=unseal(work, household, "account"),
        risks=_list_risks(work, household),
        income=income,
        net=income.net,
        line=await get_line(work, household.region),
        safeguards=Safeguards(**household.safeguards),
        comparison=unseal(work, household, "comparison"),
        income_after=HouseholdIncome.model_construct(**after) if after else None,
        safeguards_after=Safeguards(**household.safeguards_after) if household.safeguards_after else None,
        **household.model_dump(
            include={"number", "per_head", "no_labour", "income_unstable", "file_ids"}, mode="python"
        ),
    )


async def get_line(work: UnitOfWork, region: str) -> int:
    """The income a head and year below which a household is monitored today, 分."""
    return parse_yuan((await work.get_rule(INCOME_LINE, region=region)).value)


async def _collect_facts(
    work: UnitOfWork, household: Household, body: HouseholdTransitionRequest, on: date
) -> HouseholdFacts:
    level = NOTICE_LEVELS.get(household.state)
    notice = None
    if level is not None:
        notice = first_blocking_notice(
            await get_notice_status(work, NOTICE_KIND, str(household.id), on), level
        )
    is_helped = household.state in {HouseholdState.MONITORED, HouseholdState.REMOVAL_REVIEWED}
    measures_open, measures_done = await repository.count_measures(work, household) if is_helped else (0, 0)
    return HouseholdFacts(
        on=on,
        consents=len(household.file_ids),
        comparison=body.comparison,
        clean=body.clean,
        met_on=body.met_on,
        attended=body.attended or 0,
        agreed=body.agreed or 0,
        notice=notice,
        faults=tuple(WORDS[code] for code in household.faults),
        needs_low_income=household.monitor_class in LOW_INCOME_CLASSES,
        per_head=household.per_head,
        line=await get_line(work, household.region),
        safe=Safeguards(**household.safeguards).complete,
        income_unstable=household.income_unstable,
        no_labour=household.no_labour,
        way=body.way or household.removal_way,
        measures_open=measures_open,
        measures_done=measures_done,
        reason=body.reason,
    )


async def transition_household(
    work: UnitOfWork,
    household_id: UUID,
    action: HouseholdAction,
    body: HouseholdTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> HouseholdDetail | TransitionPreview:
    """Apply one transition to a household; on `dry_run` return a preview instead."""
    household = await repository.get_household(work, household_id, lock=True)
    on = (body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    preview = await apply_transition(
        work,
        HOUSEHOLD,
        household,
        action,
        await _collect_facts(work, household, body, on),
        request=body,
        match=match,
        dry_run=dry_run,
        owner=household.cadre,
        event=lambda was, now: HouseholdMoved(household_id=household.id, was=was, now=now),
    )
    if preview is not None:
        return preview
    _take_in(work, household, action, body, on)
    await refresh_faults(work, household)
    return await get_household_detail(work, household)


def _take_in(
    work: UnitOfWork,
    household: Household,
    action: HouseholdAction,
    body: HouseholdTransitionRequest,
    on: date,
) -> None:
    """Write what a transition brings into the household."""
    match action:
        case HouseholdAction.COMPARE:
            household.compared_on, household.compared_by, household.clean = on, work.actor.id, body.clean
            household.comparison_sealed = seal(work, "household", household.id, "comparison", body.comparison)
        case HouseholdAction.APPRAISE | HouseholdAction.VOTE_DOWN | HouseholdAction.APPRAISE_REMOVAL:
            household.met_on, household.attended, household.agreed = body.met_on, body.attended, body.agreed
        case HouseholdAction.REVIEW | HouseholdAction.REVIEW_REMOVAL:
            household.reviewed_by = work.actor.id
        case HouseholdAction.APPROVE:
            household.identified_on, household.due_on = on, None
        case HouseholdAction.PROPOSE:
            household.proposed_by, household.removal_way = work.actor.id, body.way
        case HouseholdAction.REMOVE:
            household.removed_on = on
            household.income_after, household.safeguards_after = household.income, household.safeguards
        case HouseholdAction.RETURN:
            household.removed_on, household.removal_way = None, None
        case _:
            return


async def get_household_detail(work: UnitOfWork, household: Household) -> HouseholdDetail:
    """A household and the actions available to the caller."""
    facts = await _collect_facts(work, household, HouseholdTransitionRequest.model_construct(), work.today)
    return HouseholdDetail(
        **HouseholdRead.model_validate(household).model_dump(),
        **household.model_dump(include={"clue_id", "compared_on", "met_on", "attended", "agreed"}),
        available_actions=available_actions(work, HOUSEHOLD, household, facts, owner=household.cadre),
    )


async def list_ledger(work: UnitOfWork, region: str) -> list[Household]:
    """The households of the printed ledger. Invalid when there are more than one paper holds."""
    households = await repository.list_exported(work, region)
    if len(households) > repository.MAX_EXPORTED:
        words = f"超过 {repository.MAX_EXPORTED} 户, 请按镇分开导出"
        raise invalid_field("too_many", words, "/region", "Narrow the region")
    return households


async def get_notice_subject(work: UnitOfWork, household_id: UUID, *, lock: bool) -> NoticeSubject:
    """What is put on notice of a household: the masked name, how many people, the class. Nothing of its income or trouble."""
    household = await repository.get_household(work, household_id, lock=lock)
    level = NOTICE_LEVELS.get(household.state)
    return NoticeSubject(
        kind=NOTICE_KIND,
        id=str(household.id),
        region=household.region,
        version=household.version,
        title=f"{household.head_masked}户",
        steps={level: NoticeStep(begun_on=household.met_on)} if level else {},
        content={
            "户主": household.head_masked,
            "人数": household.size,
            "类别": household.monitor_class.label,
        },
    )
