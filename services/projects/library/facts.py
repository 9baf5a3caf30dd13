"""Everything the guards look at, read after the project is locked."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from services.projects.attachments import repository as attachments
from services.projects.categories import service as categories
from services.projects.changes import repository as changes
from services.projects.commitments import repository as commitments
from services.projects.library import checks, repository, screens, tendering
from services.projects.library.guards import ProjectFacts
from services.projects.library.models import Project
from services.projects.library.public import KIND
from services.projects.library.schemas import ProjectAct
from services.projects.library.states import EDITABLE, State, has_town
from services.projects.screening.schemas import Screening
from shared.errors import Fault
from shared.notices.schemas import Level
from shared.notices.service import State as Standing
from shared.notices.service import missing, standing
from shared.work import Work

REVIEWED_BY = {State.TOWN_REVIEW: "endorse", State.APPRAISAL: "appraise"}
"""States in which a reviewer states things one by one, and the rule's word for it."""


@dataclass(frozen=True)
class Told:
    """What was asked before the project was locked: other services, and screening now."""

    registered: int | None = None
    unpaid: int | None = None
    screening: Screening | None = None


async def gather(work: Work, project: Project, act: ProjectAct, *, on: date, told: Told) -> ProjectFacts:
    """The facts of a project for a move on a day."""
    kinds = (await attachments.kinds(work, [project.id]))[project.id]
    stand = await standing(work, KIND, str(project.id), on)
    return ProjectFacts(
        region=project.region,
        form=await _form(work, project, kinds),
        documents=kinds,
        notices=await _notices(work, project, stand),
        completion_notice=missing(stand, Level.COMPLETION),
        statements=await _statements(work, project, act),
        readiness=await _readiness(work, project),
        findings=await _findings(work, project, told),
        change_open=await changes.is_open(work, project.id),
        committed=await commitments.open_amount(work, project.id),
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
        tender=await _tender(work, project, act, on),
        on=on,
    )


async def _form(work: Work, project: Project, kinds: frozenset[str]) -> tuple[Fault, ...]:
    if project.state not in EDITABLE:
        return ()
    on = min(work.today, date(project.year, 12, 31))
    category = await categories.find(work, project.category, on=on, region=project.region)
    linkage = await work.rule("linkage.categories", on=on, region=project.region)
    money = await repository.money(work, project.id)
    return checks.completeness(
        project,
        money=sum(row.amount for row in money),
        indicators=[one.kind for one in await repository.targets(work, project.id)],
        documents=kinds,
        leaf=category is not None and category.leaf,
        linked=any(project.category.split(".")[0] == head for head in linkage.value),
    )


async def _notices(work: Work, project: Project, stand: dict[Level, Standing]) -> tuple[Fault, ...]:
    rule = await work.rule("admission.notices", region=project.region)
    wanted: list[str] = rule.value[project.origin].get(project.state, [])
    if project.state is State.VILLAGE_NOTICE and not has_town(project.region):
        # What the skipped steps would have published goes up at the same time.
        wanted = list(dict.fromkeys([*wanted, *rule.value[project.origin].get(State.TOWN_NOTICE, [])]))
    found = [missing(stand, Level(level)) for level in wanted]
    return tuple(fault for fault in found if fault is not None)


async def _statements(work: Work, project: Project, act: ProjectAct) -> tuple[Fault, ...]:
    word = REVIEWED_BY.get(project.state)
    if word is None:
        return ()
    rule = await work.rule("admission.statements", region=project.region)
    wanted: dict[str, Any] = rule.value[word]
    lacking = {code: words for code, words in wanted.items() if code not in act.statements}
    if not lacking:
        return ()
    words = "、".join(f"{text}({code})" for code, text in lacking.items())
    return (Fault("not_stated", f"未确认: {words}", f"Not stated: {', '.join(lacking)}", "/statements"),)


async def _readiness(work: Work, project: Project) -> tuple[Fault, ...]:
    if project.state is not State.APPRAISAL:
        return ()
    rule = await work.rule("admission.readiness", region=project.region)
    return tuple(
        Fault("not_checked", f"前期条件未填明: {words}", f"{name} is not filled in", f"/{name}")
        for name, words in rule.value.items()
        if getattr(project, name) is None
    )


async def _tender(work: Work, project: Project, act: ProjectAct, on: date) -> Fault | None:
    if project.state is not State.PLANNED:
        return None
    rule = await work.rule("procurement.limits", on=on, region=project.region)
    way = act.procurement or project.procurement
    purchase = act.purchase or tendering.purchase_of(project.category, rule.value)
    amount = project.total if act.estimate is None else act.estimate
    return tendering.fault(rule.value, way, purchase, amount, act.reason)


async def _findings(work: Work, project: Project, told: Told) -> tuple[Fault, ...]:
    if told.screening is not None:
        return await screens.faults(work, project, told.screening)
    if project.blocked:
        return (Fault("screening_block", "筛查未通过且未放行", "Screening blocks this project"),)
    return ()
