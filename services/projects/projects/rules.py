"""Validation of project fields, and the dated admission rules read into ProjectFacts for the guards."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.projects.attachments import repository as attachments
from services.projects.attachments.schemas import DocumentKind
from services.projects.categories import service as categories
from services.projects.changes import repository as changes
from services.projects.commitments import repository as commitments
from services.projects.projects import guards, repository
from services.projects.projects.document import NOTICE_SUBJECT_KIND
from services.projects.projects.guards import ProjectFacts, has_town
from services.projects.projects.lifecycle import EDITABLE_STATES, State
from services.projects.projects.models import Project
from services.projects.projects.schemas import Indicator, ProjectTransitionRequest
from services.projects.screening import service
from services.projects.screening.schemas import Screening
from shared.china import format_yuan
from shared.errors import FieldError
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeStatus as Standing
from shared.notices.service import first_blocking_notice, get_notice_status
from shared.unit_of_work import UnitOfWork

COUNTY_DIGITS = 6
REQUIRED_FIELDS = {
    "content": "建设内容与规模",
    "place": "实施地点",
    "implementing_unit": "实施单位",
    "planned_start": "计划开工时间",
    "planned_end": "计划完工时间",
}


def find_contradictions(values: Mapping[str, Any], region: str) -> list[FieldError]:
    """Contradictions inside the form, by field."""
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
    given = sum(row["amount"] for row in rows)
    if rows and given != values["total"]:
        detail = f"各来源合计 {format_yuan(given)} 元, 与总投资 {format_yuan(values['total'])} 元不符"
        yield FieldError("not_the_sum", detail, "the money does not add up to the total", "/money")


def _check_beneficiaries(values: Mapping[str, Any]) -> Iterable[FieldError]:
    for part, whole, words in (
        ("poor_households", "households", "户数"),
        ("poor_people", "people", "人数"),
    ):
        if values[part] > values[whole]:
            detail = f"脱贫户和监测户{words} {values[part]} 超过受益{words} {values[whole]}"
            yield FieldError("part_above_whole", detail, f"{part} is above {whole}", f"/{part}")
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
    """What is still missing before the project can be declared. `linked`: whether its category needs a linkage."""
    found = [
        FieldError("empty", f"未填写{words}", f"{name} is empty", f"/{name}")
        for name, words in REQUIRED_FIELDS.items()
        if not getattr(project, name)
    ]
    if not leaf:
        found.append(FieldError("not_a_leaf", "项目类型须选到子类型", "choose the lowest level", "/category"))
    if money != project.total:
        found.append(FieldError("not_the_sum", "未填写资金来源", "the planned money is missing", "/money"))
    if (linked or project.asset_income) and not project.linkage.strip():
        found.append(
            FieldError("empty", "产业、经营性项目须填写联农带农机制", "linkage is empty", "/linkage")
        )
    has = set(indicators)
    for kind in (Indicator.QUANTITY, Indicator.SATISFACTION):
        if kind not in has:
            found.append(
                FieldError("no_target", f"绩效目标缺少{kind.label}", f"no {kind} target", "/targets")
            )
    if project.household and DocumentKind.BENEFICIARIES not in set(documents):
        found.append(
            FieldError("no_beneficiaries", "到户项目须附受益户名单", "no beneficiary list", "/documents")
        )
    return tuple(found)


STATEMENT_RULE_KEYS = {State.TOWN_REVIEW: "endorse", State.APPRAISAL: "appraise"}
"""States in which a reviewer states things one by one, and the rule's word for it."""


@dataclass(frozen=True)
class ExternalFacts:
    """What was asked before the project was locked: other services, and screening now."""

    registered: int | None = None
    unpaid: int | None = None
    screening: Screening | None = None


async def gather_project_facts(
    work: UnitOfWork, project: Project, act: ProjectTransitionRequest, *, on: date, told: ExternalFacts
) -> ProjectFacts:
    """The facts of a project for a move on a day."""
    kinds = (await attachments.list_document_kinds(work, [project.id]))[project.id]
    stand = await get_notice_status(work, NOTICE_SUBJECT_KIND, str(project.id), on)
    return ProjectFacts(
        region=project.region,
        form=await _check_form(work, project, kinds),
        documents=kinds,
        notices=await _check_notices(work, project, stand),
        completion_notice=first_blocking_notice(stand, NoticeLevel.COMPLETION),
        statements=await _check_statements(work, project, act),
        readiness=await _check_readiness(work, project),
        findings=await _check_findings(work, project, told),
        change_open=await changes.has_open_change(work, project.id),
        committed=await commitments.sum_open_commitments(work, project.id),
        allocated=project.allocated,
        paid=project.paid,
        physical_percent=project.physical_percent,
        settled=project.settled if act.settled is None else act.settled,
        built_value=sum(thing.value for thing in act.built),
        registered=told.registered,
        unpaid=told.unpaid,
        evaluated=bool(project.evaluation),
        reason=act.reason,
        opinion=act.opinion,
        decision_no=act.decision_no,
        decision_on=act.decision_on,
        procurement=act.procurement or project.procurement,
        tender=await _check_tender(work, project, act, on),
        on=on,
    )


async def _check_form(work: UnitOfWork, project: Project, kinds: frozenset[str]) -> tuple[FieldError, ...]:
    if project.state not in EDITABLE_STATES:
        return ()
    on = min(work.today, date(project.year, 12, 31))
    category = await categories.find_category(work, project.category, on=on, region=project.region)
    linkage = await work.get_rule("linkage.categories", on=on, region=project.region)
    money = await repository.list_planned_money(work, project.id)
    return find_missing_fields(
        project,
        money=sum(row.amount for row in money),
        indicators=[one.kind for one in await repository.list_targets(work, project.id)],
        documents=kinds,
        leaf=category is not None and category.leaf,
        linked=any(project.category.split(".")[0] == head for head in linkage.value),
    )


async def _check_notices(
    work: UnitOfWork, project: Project, stand: dict[NoticeLevel, Standing]
) -> tuple[FieldError, ...]:
    rule = await work.get_rule("admission.notices", region=project.region)
    wanted: list[str] = rule.value[project.origin].get(project.state, [])
    if project.state is State.VILLAGE_NOTICE and not has_town(project.region):
        # What the skipped steps would have published goes up at the same time.
        wanted = list(dict.fromkeys([*wanted, *rule.value[project.origin].get(State.TOWN_NOTICE, [])]))
    found = [first_blocking_notice(stand, NoticeLevel(level)) for level in wanted]
    return tuple(fault for fault in found if fault is not None)


async def _check_statements(
    work: UnitOfWork, project: Project, act: ProjectTransitionRequest
) -> tuple[FieldError, ...]:
    word = STATEMENT_RULE_KEYS.get(project.state)
    if word is None:
        return ()
    rule = await work.get_rule("admission.statements", region=project.region)
    wanted: dict[str, Any] = rule.value[word]
    lacking = {code: words for code, words in wanted.items() if code not in act.statements}
    if not lacking:
        return ()
    words = "、".join(f"{text}({code})" for code, text in lacking.items())
    return (FieldError("not_stated", f"未确认: {words}", f"Not stated: {', '.join(lacking)}", "/statements"),)


async def _check_readiness(work: UnitOfWork, project: Project) -> tuple[FieldError, ...]:
    if project.state is not State.APPRAISAL:
        return ()
    rule = await work.get_rule("admission.readiness", region=project.region)
    return tuple(
        FieldError("not_checked", f"前期条件未填明: {words}", f"{name} is not filled in", f"/{name}")
        for name, words in rule.value.items()
        if getattr(project, name) is None
    )


async def _check_tender(
    work: UnitOfWork, project: Project, act: ProjectTransitionRequest, on: date
) -> FieldError | None:
    if project.state is not State.PLANNED:
        return None
    rule = await work.get_rule("procurement.limits", on=on, region=project.region)
    way = act.procurement or project.procurement
    purchase = act.purchase or guards.classify_purchase(project.category, rule.value)
    amount = project.total if act.estimate is None else act.estimate
    return guards.check_procurement(rule.value, way, purchase, amount, act.reason)


async def _check_findings(work: UnitOfWork, project: Project, told: ExternalFacts) -> tuple[FieldError, ...]:
    if told.screening is not None:
        return await service.list_screening_faults(work, project, told.screening)
    if project.blocked:
        return (FieldError("screening_block", "筛查未通过且未放行", "Screening blocks this project"),)
    return ()
