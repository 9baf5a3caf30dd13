"""Validation of project fields, and the dated admission rules read into ProjectFacts for the guards."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.projects.attachments.schemas import DocumentKind
from services.projects.categories import service as categories
from services.projects.policy import (
    ADMISSION_NOTICES,
    ADMISSION_READINESS,
    ADMISSION_STATEMENTS,
    LINKAGE_CATEGORIES,
    PROCUREMENT_LIMITS,
)
from services.projects.projects import guards, repository
from services.projects.projects.guards import COUNTY_DIGITS, ProjectFacts, has_town
from services.projects.projects.lifecycle import EDITABLE_STATES, Action, State
from services.projects.projects.models import Project
from services.projects.projects.repository import ProjectRecords
from services.projects.projects.schemas import Indicator, ProjectTransitionRequest
from services.projects.screening import service as screening
from services.projects.screening.schemas import Screening
from shared.china import format_yuan
from shared.errors import FieldError
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeStatus, compute_notice_status, first_blocking_notice
from shared.records.description import CodeRead
from shared.unit_of_work import UnitOfWork

REQUIRED_FIELDS = {
    "content": "建设内容与规模",
    "place": "实施地点",
    "implementing_unit": "实施单位",
    "planned_start": "计划开工时间",
    "planned_end": "计划完工时间",
}


def find_contradictions(values: Mapping[str, Any], region: str) -> list[FieldError]:
    """Return errors for fields of the form that contradict each other."""
    return [
        *_check_money(values),
        *_check_beneficiaries(values),
        *_check_dates(values),
        *_check_places(values, region),
    ]


def _check_money(values: Mapping[str, Any]) -> Iterable[FieldError]:
    rows: Sequence[Mapping[str, Any]] = values["money"]
    kinds = [row["kind"] for row in rows]
    if len(kinds) != len(set(kinds)):
        yield FieldError("twice", "同一资金来源填了两次", "a kind of money is given twice", "/money")
    planned = sum(row["amount"] for row in rows)
    if rows and planned != values["total"]:
        detail = f"各来源合计 {format_yuan(planned)} 元, 与总投资 {format_yuan(values['total'])} 元不符"
        yield FieldError("not_the_sum", detail, "the money does not add up to the total", "/money")


def _check_beneficiaries(values: Mapping[str, Any]) -> Iterable[FieldError]:
    for part, total, label in (
        ("poor_households", "households", "户数"),
        ("poor_people", "people", "人数"),
    ):
        if values[part] > values[total]:
            detail = f"脱贫户和监测户{label} {values[part]} 超过受益{label} {values[total]}"
            yield FieldError("part_above_whole", detail, f"{part} is above {total}", f"/{part}")
    if values["households"] > values["people"] > 0:
        yield FieldError(
            "part_above_whole", "受益户数超过受益人口", "more households than people", "/households"
        )


def _check_dates(values: Mapping[str, Any]) -> Iterable[FieldError]:
    start, end = values["planned_start"], values["planned_end"]
    if start is not None and end is not None and end < start:
        yield FieldError("before_start", "计划完工早于计划开工", "ends before it starts", "/planned_end")


def _check_places(values: Mapping[str, Any], region: str) -> Iterable[FieldError]:
    for index, place in enumerate(values["places"]):
        if place["region"][:COUNTY_DIGITS] != region[:COUNTY_DIGITS]:
            detail = f"地点 {place['region']} 不在项目所在县"
            yield FieldError("other_district", detail, "lies in another district", f"/places/{index}/region")


def find_missing_fields(
    project: Project,
    *,
    money: int,
    indicators: Iterable[Indicator],
    documents: Iterable[str],
    leaf: bool,
    linked: bool,
) -> tuple[FieldError, ...]:
    """Return errors for what is still missing before the project can be declared. `linked`: its category needs a linkage."""
    errors = [
        FieldError("empty", f"未填写{label}", f"{name} is empty", f"/{name}")
        for name, label in REQUIRED_FIELDS.items()
        if not getattr(project, name)
    ]
    if not leaf:
        errors.append(
            FieldError("not_a_leaf", "项目类型须选到子类型", "choose the lowest level", "/category")
        )
    if money != project.total:
        errors.append(FieldError("not_the_sum", "未填写资金来源", "the planned money is missing", "/money"))
    if (linked or project.asset_income) and not project.linkage.strip():
        errors.append(
            FieldError("empty", "产业、经营性项目须填写联农带农机制", "linkage is empty", "/linkage")
        )
    present = set(indicators)
    for kind in (Indicator.QUANTITY, Indicator.SATISFACTION):
        if kind not in present:
            errors.append(
                FieldError("no_target", f"绩效目标缺少{kind.label}", f"no {kind} target", "/targets")
            )
    if project.household and DocumentKind.BENEFICIARIES not in set(documents):
        errors.append(
            FieldError("no_beneficiaries", "到户项目须附受益户名单", "no beneficiary list", "/documents")
        )
    return tuple(errors)


STATEMENT_STATES = frozenset({State.TOWN_REVIEW, State.APPRAISAL})
"""Review states in which the reviewer confirms statements one by one (rule `admission.statements`)."""


@dataclass(frozen=True)
class ExternalFacts:
    """Facts requested before the project is locked: registered value and unpaid amount (分) from other services, and a new screening."""

    registered: int | None = None
    unpaid: int | None = None
    screening: Screening | None = None


async def gather_project_facts(
    work: UnitOfWork,
    project: Project,
    request: ProjectTransitionRequest,
    *,
    on: date,
    external: ExternalFacts,
    records: ProjectRecords | None = None,
) -> ProjectFacts:
    """Collect the facts that the guards of a transition on a given day need; `records` are read unless they are given."""
    if records is None:
        records = await repository.list_records(work, project.id)
    notice_status = compute_notice_status(records.notices, on)
    return ProjectFacts(
        region=project.region,
        form=await _check_form(work, project, records),
        documents=records.documents,
        notices=await _check_notices(work, project, notice_status),
        completion_notice=first_blocking_notice(notice_status, NoticeLevel.COMPLETION),
        statements=await _check_statements(work, project, request),
        readiness=await _check_readiness(work, project),
        findings=await _check_findings(work, project, external),
        change_open=records.change_open,
        committed=records.committed,
        allocated=project.allocated,
        paid=project.paid,
        physical_percent=project.physical_percent,
        settled=project.settled if request.settled is None else request.settled,
        built_value=sum(asset.value for asset in request.built),
        registered=external.registered,
        unpaid=external.unpaid,
        evaluated=bool(project.evaluation),
        took_part=project.state is State.COMPLETED and await repository.took_part_in_works(work, project.id),
        reason=request.reason,
        opinion=request.opinion,
        decision_no=request.decision_no,
        decision_on=request.decision_on,
        procurement=request.procurement or project.procurement,
        tender=await _check_tender(work, project, request, on),
        on=on,
    )


async def _check_form(work: UnitOfWork, project: Project, records: ProjectRecords) -> tuple[FieldError, ...]:
    if project.state not in EDITABLE_STATES:
        return ()
    on = min(work.today, date(project.year, 12, 31))
    category = await categories.find_category(work, project.category, on=on, region=project.region)
    linkage = await work.get_rule(LINKAGE_CATEGORIES, on=on, region=project.region)
    return find_missing_fields(
        project,
        money=sum(row.amount for row in records.money),
        indicators=[target.kind for target in records.targets],
        documents=records.documents,
        leaf=category is not None and category.leaf,
        linked=any(project.category.split(".")[0] == prefix for prefix in linkage.value),
    )


async def _check_notices(
    work: UnitOfWork, project: Project, notice_status: dict[NoticeLevel, NoticeStatus]
) -> tuple[FieldError, ...]:
    rule = await work.get_rule(ADMISSION_NOTICES, region=project.region)
    levels_by_origin = rule.value
    levels_by_state = levels_by_origin[project.origin]
    required_levels = list(levels_by_state.get(project.state, ()))
    if project.state is State.VILLAGE_NOTICE and not has_town(project.region):
        # The town notice of the skipped review is posted at the same time.
        required_levels = list(dict.fromkeys([*required_levels, *levels_by_state.get(State.TOWN_NOTICE, ())]))
    errors = [first_blocking_notice(notice_status, level) for level in required_levels]
    return tuple(error for error in errors if error is not None)


async def _check_statements(
    work: UnitOfWork, project: Project, request: ProjectTransitionRequest
) -> tuple[FieldError, ...]:
    if project.state not in STATEMENT_STATES:
        return ()
    rule = await work.get_rule(ADMISSION_STATEMENTS, region=project.region)
    required = rule.value.endorse if project.state is State.TOWN_REVIEW else rule.value.appraise
    missing = {code: text for code, text in required.items() if code not in request.statements}
    if not missing:
        return ()
    listed = "、".join(missing.values())
    return (
        FieldError("not_stated", f"未确认: {listed}", f"Not stated: {', '.join(missing)}", "/statements"),
    )


async def list_statement_codes(action: Action, work: UnitOfWork) -> list[CodeRead]:
    """List what the reviewer confirms one by one at 镇级审核 or 部门论证, as the code set of that move, by code.

    The database of the rule keeps no order of its own: PostgreSQL sorts the names in a JSON value.
    """
    stated = (await work.get_rule(ADMISSION_STATEMENTS)).value
    labels = stated.endorse if action is Action.ENDORSE else stated.appraise
    return [CodeRead(code=code, label=label) for code, label in sorted(labels.items())]


async def _check_readiness(work: UnitOfWork, project: Project) -> tuple[FieldError, ...]:
    if project.state is not State.APPRAISAL:
        return ()
    rule = await work.get_rule(ADMISSION_READINESS, region=project.region)
    return tuple(
        FieldError("not_checked", f"前期条件未填明: {label}", f"{name} is not filled in", f"/{name}")
        for name, label in rule.value.items()
        if getattr(project, name) is None
    )


async def _check_tender(
    work: UnitOfWork, project: Project, request: ProjectTransitionRequest, on: date
) -> FieldError | None:
    if project.state is not State.PLANNED:
        return None
    rule = await work.get_rule(PROCUREMENT_LIMITS, on=on, region=project.region)
    procurement = request.procurement or project.procurement
    purchase = request.purchase or guards.classify_purchase(project.category, rule.value)
    amount = project.total if request.estimate is None else request.estimate
    return guards.check_procurement(rule.value, procurement, purchase, amount, request.reason)


async def _check_findings(
    work: UnitOfWork, project: Project, external: ExternalFacts
) -> tuple[FieldError, ...]:
    if external.screening is not None:
        return await screening.list_screening_faults(work, project, external.screening)
    if project.blocked:
        return (FieldError("screening_block", "筛查未通过且未放行", "Screening blocks this project"),)
    return ()
