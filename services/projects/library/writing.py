"""Writing a project down and changing it while it is still the declarer's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.projects.categories import service as categories
from services.projects.library import checks, repository
from services.projects.library.kinds import Origin
from services.projects.library.models import PlannedMoney, Project, ProjectPlace, Target
from services.projects.library.schemas import ProjectChange, ProjectCreate
from services.projects.library.states import EDITABLE, Stage, State
from shared import search
from shared.contracts.projects import ProjectChanged, ProjectDrafted
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.ids import new_id
from shared.permissions import May
from shared.personal import mask_phone
from shared.places import Place
from shared.work import Work, plain

LISTS = ("places", "money", "targets")
LATER = frozenset(
    {"leader_name", "leader_phone", "operator", "land", "design", "environment", "budget", "remark"}
)
"""Fields that stay open after the project was declared."""
PRIVATE = frozenset({"leader_phone", "leader_name"})
TOWN, VILLAGE = slice(6, 9), slice(9, 12)
DEEPEST = 3
"""Levels of a package: package, project, site."""


def origin_of(region: str) -> Origin:
    """Who declares for a region of this level."""
    if region[VILLAGE].strip("0"):
        return Origin.VILLAGE
    return Origin.TOWN if region[TOWN].strip("0") else Origin.DISTRICT


async def draft(work: Work, body: ProjectCreate) -> Project:
    """A new project as a draft; Invalid names every field that does not agree."""
    work.actor.require(May.PROJECT_DECLARE, body.region)
    when = body.happened_at or work.at
    if when > work.at:
        detail = "提出时间不能晚于现在"
        raise Invalid(detail, faults=[Fault("in_the_future", detail, "in the future", "/happened_at")])
    values = body.model_dump(exclude={"id", "region", "happened_at"})
    values["quantities"] = [one.model_dump(mode="json") for one in body.quantities]
    columns = await _checked(work, values, body.region)
    columns["origin"] = columns["origin"] or origin_of(body.region)
    phone = columns.pop("leader_phone")
    project, fresh = await create(
        work, Project, body, region=body.region, id=body.id, state=State.DRAFT, state_since=when, **columns
    )
    if not fresh:
        return project
    _phone(work, project, phone)
    await _put_lists(work, project, values)
    await _package(work, project)
    await _index(work, project)
    await work.tell(
        ProjectDrafted(
            project_id=project.id,
            name=project.name,
            category=project.category,
            year=project.year,
            total=project.total,
        ),
        project,
        happened_at=when,
    )
    return project


async def change(work: Work, project_id: UUID, body: ProjectChange, match: Match) -> Project:
    """Change what may still be changed; Conflict names the fields that need a change request."""
    project = await repository.get(work, project_id, lock=True)
    work.actor.require(May.PROJECT_DECLARE, project.region)
    match.require(project)
    given = listed(body)
    _may_change(project, given)
    await apply(work, project, given)
    return project


def listed(body: ProjectChange) -> dict[str, Any]:
    """The fields that were sent, rows of lists as plain values."""
    given = body.given()
    if "quantities" in given:
        given["quantities"] = [one.model_dump(mode="json") for one in body.quantities or ()]
    for name in LISTS:
        if name in given:
            given[name] = [one.model_dump() for one in given[name]]
    return given


async def agree(work: Work, project: Project, given: Mapping[str, Any], *, under: str = "") -> None:
    """Invalid when the project would contradict itself with these fields; pointers begin with `under`."""
    try:
        await _merged(work, project, given)
    except Invalid as problem:
        faults = [replace(fault, pointer=under + fault.pointer) for fault in problem.faults]
        raise Invalid(problem.detail, problem.detail_en, faults=faults) from problem


async def _merged(work: Work, project: Project, given: Mapping[str, Any]) -> dict[str, Any]:
    values = {**await _present(work, project), **given}
    if "category" in given and "counts_as_industry" not in given:
        values["counts_as_industry"] = None
    return await _checked(work, values, project.region, of=project.id)


async def apply(
    work: Work,
    project: Project,
    given: Mapping[str, Any],
    reason: str = "",
    happened_at: datetime | None = None,
) -> None:
    """Write checked fields into a locked project, keep the words findable and tell it."""
    columns = await _merged(work, project, given)
    phone = columns.pop("leader_phone")
    before = {name: getattr(project, name) for name in given if name in columns and name not in PRIVATE}
    for name, value in columns.items():
        if value is not None or name in given:
            setattr(project, name, value)
    if phone is not None:
        _phone(work, project, phone)
    await _put_lists(work, project, {name: given[name] for name in LISTS if name in given})
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    if "parent_id" in given:
        await _package(work, project)
    await _index(work, project)
    changed = {name: "已更新" if name in PRIVATE | {*LISTS} else given[name] for name in given}
    event = ProjectChanged(project_id=project.id, changed=_simple(changed))
    await work.tell(event, project, before=_simple(before), reason=reason, happened_at=happened_at)


def _simple(values: Mapping[str, Any]) -> dict[str, Any]:
    return plain({name: value for name, value in values.items() if not isinstance(value, list)}) | {
        name: value for name, value in values.items() if isinstance(value, list)
    }


def _may_change(project: Project, given: Mapping[str, Any]) -> None:
    if project.stage is Stage.OUT or project.state is State.CLOSED:
        raise Conflict(f"项目{project.state.label}, 不能再修改", f"The project is {project.state}")
    closed = sorted(set(given) - LATER) if project.state not in EDITABLE else []
    if closed:
        raise Conflict(
            f"项目{project.state.label}, 不能直接修改: {'、'.join(closed)}",
            f"These fields are settled: {', '.join(closed)}",
            faults=[
                Fault("settled", "须走变更申请", "needs a change request", f"/{name}") for name in closed
            ],
            next_step=f"入库后的内容请提交变更申请: POST /projects/{project.id}/changes",
        )


async def _present(work: Work, project: Project) -> dict[str, Any]:
    names = set(ProjectChange.model_fields) - {*LISTS, "leader_phone"}
    values: dict[str, Any] = {name: getattr(project, name) for name in names}
    values["leader_phone"] = None
    values["places"] = [{"region": one.region} for one in await repository.places(work, project.id)]
    values["money"] = [
        {"kind": row.kind, "amount": row.amount} for row in await repository.money(work, project.id)
    ]
    return values


async def _checked(work: Work, values: dict[str, Any], region: str, of: UUID | None = None) -> dict[str, Any]:
    """The columns of agreed values, or Invalid with every fault."""
    faults = checks.agreement(values, region)
    on = min(work.today, date(values["year"], 12, 31))
    category = await categories.find(work, values["category"], on=on, region=region)
    if category is None:
        faults.append(categories.unknown(values["category"], on))
    elif values["counts_as_industry"] not in {None, category.counts_as_industry}:
        if not values["industry_reason"].strip():
            detail = f"{category.label}默认{'计入' if category.counts_as_industry else '不计入'}产业, 改变须说明理由"
            faults.append(Fault("no_reason", detail, "say why it differs", "/industry_reason"))
    faults += await _parent_faults(work, values["parent_id"], of)
    if faults or category is None:
        raise Invalid("项目填写有误", "The project is not valid", faults=faults)
    columns = {name: value for name, value in values.items() if name not in LISTS}
    if columns["counts_as_industry"] is None:
        columns["counts_as_industry"] = category.counts_as_industry
    columns["category_label"] = category.label
    return columns


async def _parent_faults(work: Work, parent_id: UUID | None, of: UUID | None) -> list[Fault]:
    if parent_id is None:
        return []
    known = await repository.many(work, [parent_id])
    if parent_id not in known or parent_id == of:
        return [Fault("no_parent", "没有这个上级项目", "no such parent", "/parent_id")]
    if known[parent_id].allocated:
        return [Fault("funded", "上级项目已有资金, 不能再拆分", "the parent was funded", "/parent_id")]
    above, depth = known[parent_id].parent_id, 2
    while above is not None and depth <= DEEPEST:
        if above == of:
            return [Fault("circle", "上级项目不能是自己的下级", "a project above itself", "/parent_id")]
        found = await repository.many(work, [above])
        above, depth = (found[above].parent_id if above in found else None), depth + 1
    if depth > DEEPEST:
        return [Fault("too_deep", "项目包最多三级: 项目包、项目、子项", "at most three levels", "/parent_id")]
    return []


async def _package(work: Work, project: Project) -> None:
    """The project above is a package from now on: its money is that of its parts."""
    if project.parent_id is None:
        return
    parent = await repository.get(work, project.parent_id, lock=True)
    if not parent.is_package:
        parent.is_package = True
        parent.version += 1
        parent.updated_at = work.at
        work.session.add(parent)
        event = ProjectChanged(project_id=parent.id, changed={"is_package": True})
        await work.tell(event, parent, before={"is_package": False})


def _phone(work: Work, project: Project, phone: str) -> None:
    sealed = work.context.keyring.seal(phone, about=f"project:{project.id}:leader_phone") if phone else ""
    project.leader_phone_sealed, project.leader_phone = sealed, mask_phone(phone) if phone else ""
    work.session.add(project)


async def _put_lists(work: Work, project: Project, values: Mapping[str, Any]) -> None:
    if "places" in values:
        rows = [_place(project, place, position) for position, place in enumerate(values["places"], 1)]
        found = next(((one.lon, one.lat) for one in rows if one.lon is not None), (None, None))
        project.lon, project.lat = found
        await repository.replace(work, repository.PLACE, project.id, rows)
    if "money" in values:
        money = [PlannedMoney(id=new_id(), project_id=project.id, **row) for row in values["money"]]
        await repository.replace(work, repository.MONEY, project.id, money)
    if "targets" in values:
        targets = [
            Target(id=new_id(), project_id=project.id, position=position, **row)
            for position, row in enumerate(values["targets"], 1)
        ]
        await repository.replace(work, repository.TARGET, project.id, targets)


def _place(project: Project, place: Mapping[str, Any], position: int) -> ProjectPlace:
    point = place["point"]
    made = ProjectPlace(
        id=new_id(),
        project_id=project.id,
        position=position,
        region=place["region"],
        address=place["address"],
    )
    if point is not None:
        made.given = dict(point)
        made.lon, made.lat = _wgs84(point)
    return made


def _wgs84(point: Mapping[str, Any]) -> tuple[float, float]:
    found = Place.model_validate(point).wgs84()
    return found.lon, found.lat


async def _index(work: Work, project: Project) -> None:
    words: Sequence[str] = (
        project.name,
        project.place,
        project.implementing_unit,
        project.library_code or "",
        project.content,
    )
    await search.index(work.session, "project", project.id, *words)


__all__ = ["agree", "apply", "change", "draft", "listed", "origin_of"]
