"""Create projects, edit them, read detail and history."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.categories import service as categories
from services.projects.commitments import repository as commitments
from services.projects.progress import repository as progress
from services.projects.progress.calculation import compute_quantity_progress
from services.projects.projects import repository, rules
from services.projects.projects.lifecycle import EDITABLE_STATES, PROJECT_LIFECYCLE, Stage, State
from services.projects.projects.models import PlannedMoney, Project, ProjectPlace, Target
from services.projects.projects.rules import ExternalFacts, gather_project_facts
from services.projects.projects.schemas import (
    History,
    HistoryItem,
    Origin,
    PlaceRead,
    PlannedMoneyWrite,
    ProjectChange,
    ProjectCreate,
    ProjectDetail,
    ProjectRead,
    ProjectTransitionRequest,
    TargetWrite,
)
from shared.auth import May, mask_phone
from shared.china import Place
from shared.clients.projects import ProjectChanged, ProjectDrafted
from shared.db import new_id, search
from shared.errors import Conflict, FieldError, Invalid
from shared.http import VersionMatch
from shared.lifecycle.transitions import available_actions
from shared.records import create_record
from shared.unit_of_work import UnitOfWork, to_json_values

LIST_FIELDS = ("places", "money", "targets")
ALWAYS_EDITABLE_FIELDS = frozenset(
    {"leader_name", "leader_phone", "operator", "land", "design", "environment", "budget", "remark"}
)
"""Fields that stay open after the project was declared."""
PRIVATE_FIELDS = frozenset({"leader_phone", "leader_name"})
TOWN_SLICE, VILLAGE_SLICE = slice(6, 9), slice(9, 12)
MAX_PACKAGE_LEVELS = 3
"""Levels of a package: package, project, site."""


def derive_origin(region: str) -> Origin:
    """Who declares for a region of this level."""
    if region[VILLAGE_SLICE].strip("0"):
        return Origin.VILLAGE
    return Origin.TOWN if region[TOWN_SLICE].strip("0") else Origin.DISTRICT


async def create_project(work: UnitOfWork, body: ProjectCreate) -> Project:
    """A new project as a draft; Invalid names every field that does not agree."""
    work.actor.require(May.PROJECT_DECLARE, body.region)
    when = body.happened_at or work.at
    if when > work.at:
        detail = "提出时间不能晚于现在"
        raise Invalid(detail, errors=[FieldError("in_the_future", detail, "in the future", "/happened_at")])
    values = body.model_dump(exclude={"id", "region", "happened_at"})
    values["quantities"] = [one.model_dump(mode="json") for one in body.quantities]
    columns = await _validate_values(work, values, body.region)
    columns["origin"] = columns["origin"] or derive_origin(body.region)
    phone = columns.pop("leader_phone")
    project, fresh = await create_record(
        work, Project, body, region=body.region, id=body.id, state=State.DRAFT, state_since=when, **columns
    )
    if not fresh:
        return project
    _encrypt_phone(work, project, phone)
    await _replace_lists(work, project, values)
    await _mark_parent_as_package(work, project)
    await _index_project(work, project)
    await work.publish(
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


async def update_project(
    work: UnitOfWork, project_id: UUID, body: ProjectChange, match: VersionMatch
) -> Project:
    """Change what may still be changed; Conflict names the fields that need a change request."""
    project = await repository.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_DECLARE, project.region)
    match.require_version(project)
    given = extract_changes(body)
    _require_editable(project, given)
    await apply_changes(work, project, given)
    return project


def extract_changes(body: ProjectChange) -> dict[str, Any]:
    """The fields that were sent, rows of lists as plain values."""
    given = body.get_sent_fields()
    if "quantities" in given:
        given["quantities"] = [one.model_dump(mode="json") for one in body.quantities or ()]
    for name in LIST_FIELDS:
        if name in given:
            given[name] = [one.model_dump() for one in given[name]]
    return given


async def validate_changes(
    work: UnitOfWork, project: Project, given: Mapping[str, Any], *, under: str = ""
) -> None:
    """Invalid when the project would contradict itself with these fields; pointers begin with `under`."""
    try:
        await _merge_changes(work, project, given)
    except Invalid as problem:
        faults = [replace(fault, pointer=under + fault.pointer) for fault in problem.errors]
        raise Invalid(problem.detail, problem.detail_en, errors=faults) from problem


async def _merge_changes(work: UnitOfWork, project: Project, given: Mapping[str, Any]) -> dict[str, Any]:
    values = {**await _load_current_values(work, project), **given}
    if "category" in given and "counts_as_industry" not in given:
        values["counts_as_industry"] = None
    return await _validate_values(work, values, project.region, of=project.id)


async def apply_changes(
    work: UnitOfWork,
    project: Project,
    given: Mapping[str, Any],
    reason: str = "",
    happened_at: datetime | None = None,
) -> None:
    """Write checked fields into a locked project, keep the words findable and tell it."""
    columns = await _merge_changes(work, project, given)
    phone = columns.pop("leader_phone")
    before = {
        name: getattr(project, name) for name in given if name in columns and name not in PRIVATE_FIELDS
    }
    for name, value in columns.items():
        if value is not None or name in given:
            setattr(project, name, value)
    if phone is not None:
        _encrypt_phone(work, project, phone)
    await _replace_lists(work, project, {name: given[name] for name in LIST_FIELDS if name in given})
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    if "parent_id" in given:
        await _mark_parent_as_package(work, project)
    await _index_project(work, project)
    changed = {name: "已更新" if name in PRIVATE_FIELDS | {*LIST_FIELDS} else given[name] for name in given}
    event = ProjectChanged(project_id=project.id, changed=_to_json_values(changed))
    await work.publish(event, project, before=_to_json_values(before), reason=reason, happened_at=happened_at)


def _to_json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return to_json_values({name: value for name, value in values.items() if not isinstance(value, list)}) | {
        name: value for name, value in values.items() if isinstance(value, list)
    }


def _require_editable(project: Project, given: Mapping[str, Any]) -> None:
    if project.stage is Stage.OUT or project.state is State.CLOSED:
        raise Conflict(f"项目{project.state.label}, 不能再修改", f"The project is {project.state}")
    closed = sorted(set(given) - ALWAYS_EDITABLE_FIELDS) if project.state not in EDITABLE_STATES else []
    if closed:
        raise Conflict(
            f"项目{project.state.label}, 不能直接修改: {'、'.join(closed)}",
            f"These fields are settled: {', '.join(closed)}",
            errors=[
                FieldError("settled", "须走变更申请", "needs a change request", f"/{name}") for name in closed
            ],
            next_step=f"入库后的内容请提交变更申请: POST /projects/{project.id}/changes",
        )


async def _load_current_values(work: UnitOfWork, project: Project) -> dict[str, Any]:
    names = set(ProjectChange.model_fields) - {*LIST_FIELDS, "leader_phone"}
    values: dict[str, Any] = {name: getattr(project, name) for name in names}
    values["leader_phone"] = None
    values["places"] = [{"region": one.region} for one in await repository.list_places(work, project.id)]
    values["money"] = [
        {"kind": row.kind, "amount": row.amount}
        for row in await repository.list_planned_money(work, project.id)
    ]
    return values


async def _validate_values(
    work: UnitOfWork, values: dict[str, Any], region: str, of: UUID | None = None
) -> dict[str, Any]:
    """The columns of agreed values, or Invalid with every fault."""
    faults = rules.find_contradictions(values, region)
    on = min(work.today, date(values["year"], 12, 31))
    category = await categories.find_category(work, values["category"], on=on, region=region)
    if category is None:
        faults.append(categories.build_unknown_category_fault(values["category"], on))
    elif values["counts_as_industry"] not in {None, category.counts_as_industry}:
        if not values["industry_reason"].strip():
            detail = f"{category.label}默认{'计入' if category.counts_as_industry else '不计入'}产业, 改变须说明理由"
            faults.append(FieldError("no_reason", detail, "say why it differs", "/industry_reason"))
    faults += await _check_parent(work, values["parent_id"], of)
    if faults or category is None:
        raise Invalid("项目填写有误", "The project is not valid", errors=faults)
    columns = {name: value for name, value in values.items() if name not in LIST_FIELDS}
    if columns["counts_as_industry"] is None:
        columns["counts_as_industry"] = category.counts_as_industry
    columns["category_label"] = category.label
    return columns


async def _check_parent(work: UnitOfWork, parent_id: UUID | None, of: UUID | None) -> list[FieldError]:
    if parent_id is None:
        return []
    known = await repository.find_projects(work, [parent_id])
    if parent_id not in known or parent_id == of:
        return [FieldError("no_parent", "没有这个上级项目", "no such parent", "/parent_id")]
    if known[parent_id].allocated:
        return [FieldError("funded", "上级项目已有资金, 不能再拆分", "the parent was funded", "/parent_id")]
    above, depth = known[parent_id].parent_id, 2
    while above is not None and depth <= MAX_PACKAGE_LEVELS:
        if above == of:
            return [FieldError("circle", "上级项目不能是自己的下级", "a project above itself", "/parent_id")]
        found = await repository.find_projects(work, [above])
        above, depth = (found[above].parent_id if above in found else None), depth + 1
    if depth > MAX_PACKAGE_LEVELS:
        return [
            FieldError("too_deep", "项目包最多三级: 项目包、项目、子项", "at most three levels", "/parent_id")
        ]
    return []


async def _mark_parent_as_package(work: UnitOfWork, project: Project) -> None:
    """The project above is a package from now on: its money is that of its parts."""
    if project.parent_id is None:
        return
    parent = await repository.get_project(work, project.parent_id, lock=True)
    if not parent.is_package:
        parent.is_package = True
        parent.version += 1
        parent.updated_at = work.at
        work.session.add(parent)
        event = ProjectChanged(project_id=parent.id, changed={"is_package": True})
        await work.publish(event, parent, before={"is_package": False})


def _encrypt_phone(work: UnitOfWork, project: Project, phone: str) -> None:
    sealed = (
        work.context.keyring.encrypt(phone, associated_data=f"project:{project.id}:leader_phone")
        if phone
        else ""
    )
    project.leader_phone_sealed, project.leader_phone = sealed, mask_phone(phone) if phone else ""
    work.session.add(project)


async def _replace_lists(work: UnitOfWork, project: Project, values: Mapping[str, Any]) -> None:
    if "places" in values:
        rows = [_build_place(project, place, position) for position, place in enumerate(values["places"], 1)]
        found = next(((one.lon, one.lat) for one in rows if one.lon is not None), (None, None))
        project.lon, project.lat = found
        await repository.replace_rows(work, repository.PLACE_TABLE, project.id, rows)
    if "money" in values:
        money = [PlannedMoney(id=new_id(), project_id=project.id, **row) for row in values["money"]]
        await repository.replace_rows(work, repository.MONEY_TABLE, project.id, money)
    if "targets" in values:
        targets = [
            Target(id=new_id(), project_id=project.id, position=position, **row)
            for position, row in enumerate(values["targets"], 1)
        ]
        await repository.replace_rows(work, repository.TARGET_TABLE, project.id, targets)


def _build_place(project: Project, place: Mapping[str, Any], position: int) -> ProjectPlace:
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
        made.lon, made.lat = _to_wgs84(point)
    return made


def _to_wgs84(point: Mapping[str, Any]) -> tuple[float, float]:
    found = Place.model_validate(point).to_wgs84()
    return found.lon, found.lat


async def _index_project(work: UnitOfWork, project: Project) -> None:
    words: Sequence[str] = (
        project.name,
        project.place,
        project.implementing_unit,
        project.library_code or "",
        project.content,
    )
    await search.index_record(work.session, "project", project.id, *words)


__all__ = [
    "apply_changes",
    "create_project",
    "derive_origin",
    "extract_changes",
    "update_project",
    "validate_changes",
]

ONE_DAY = timedelta(days=1)


async def get_project_detail(work: UnitOfWork, project_id: UUID) -> ProjectDetail:
    """The project with everything that belongs to it, and what the caller could do with it now."""
    project = await repository.get_project(work, project_id)
    facts = await gather_project_facts(
        work, project, ProjectTransitionRequest(), on=work.today, told=ExternalFacts()
    )
    kinds = await attachments.list_document_kinds(work, [project.id])
    return ProjectDetail(
        **ProjectRead.model_validate(project).model_dump(),
        places=[PlaceRead.model_validate(one) for one in await repository.list_places(work, project.id)],
        money=[
            PlannedMoneyWrite.model_validate(one)
            for one in await repository.list_planned_money(work, project.id)
        ],
        targets=[TargetWrite.model_validate(one) for one in await repository.list_targets(work, project.id)],
        reached=compute_quantity_progress(project, await progress.list_all_reports(work, project.id)),
        documents=sorted(kinds[project.id]),
        committed=await commitments.sum_open_commitments(work, project.id),
        available_actions=available_actions(work, PROJECT_LIFECYCLE, project, facts),
    )


async def get_project_history(work: UnitOfWork, project_id: UUID, cursor: int, limit: int) -> History:
    """What happened to a project in the order it was recorded."""
    project = await repository.get_project(work, project_id)
    rows = await repository.list_history(work, project.id, cursor, limit + 1)
    items = [
        HistoryItem(
            position=str(row.seq),
            type=row.type,
            at=row.recorded_at,
            recorded_at=row.ingested_at,
            late_days=(row.ingested_at - row.recorded_at) // ONE_DAY,
            actor=row.actor,
            on_behalf_of=row.on_behalf_of,
            reason=row.reason,
            before=row.before,
            after=row.after,
        )
        for row in rows[:limit]
    ]
    return History(items=items, next_cursor=items[-1].position if len(rows) > limit else None)
