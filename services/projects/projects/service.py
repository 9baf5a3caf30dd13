"""Create projects, edit them, read detail and history."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.projects.attachments.schemas import DocumentKind
from services.projects.categories import service as categories
from services.projects.projects import repository, rules
from services.projects.projects.lifecycle import EDITABLE_STATES, PROJECT_LIFECYCLE, Stage, State
from services.projects.projects.models import PlannedMoney, Project, ProjectPlace, Target
from services.projects.projects.rules import ExternalFacts, gather_project_facts
from services.projects.projects.schemas import (
    ApplicantKind,
    History,
    HistoryItem,
    PlaceRead,
    PlannedMoneyWrite,
    ProjectChange,
    ProjectCreate,
    ProjectDetail,
    ProjectRead,
    ProjectTransitionRequest,
    TargetWrite,
)
from services.projects.quantities import service as quantities
from services.projects.quantities.calculation import compute_quantity_progress
from services.projects.quantities.rules import QUANTITY_UNITS, check_units
from shared.auth import May, mask_phone
from shared.china import Place
from shared.clients.projects import ProjectChanged, ProjectDrafted
from shared.db import new_id, search
from shared.errors import Conflict, FieldError, Invalid
from shared.events import serialize_columns
from shared.http import VersionMatch
from shared.lifecycle.transitions import available_actions, entry_time
from shared.records import create_record, save_record
from shared.unit_of_work import UnitOfWork

ONE_DAY = timedelta(days=1)
LIST_FIELDS = ("places", "money", "targets")
ALWAYS_EDITABLE_FIELDS = frozenset(
    {"leader_name", "leader_phone", "operator", "land", "design", "environment", "budget", "remark"}
)
"""Fields that stay editable after the project was declared."""
PRIVATE_FIELDS = frozenset({"leader_phone", "leader_name"})
SEARCHED_FIELDS = ("name", "place", "implementing_unit", "library_code", "content")
"""Columns whose words a project is found by."""
TOWN_SLICE, VILLAGE_SLICE = slice(6, 9), slice(9, 12)
MAX_PACKAGE_LEVELS = 3
"""Package, project, site."""


def derive_origin(region: str) -> ApplicantKind:
    """Return the declaring level that matches the level of a region."""
    if region[VILLAGE_SLICE].strip("0"):
        return ApplicantKind.VILLAGE
    return ApplicantKind.TOWN if region[TOWN_SLICE].strip("0") else ApplicantKind.DISTRICT


async def check_project(work: UnitOfWork, body: ProjectCreate) -> dict[str, Any]:
    """Return the columns of a new project; raise Invalid with one error per field that contradicts another."""
    work.actor.require(May.PROJECT_DECLARE, body.region)
    entry_time(body.happened_at, work.at)
    values = body.model_dump(exclude={"id", "region", "happened_at"})
    values["quantities"] = [quantity.model_dump(mode="json") for quantity in body.quantities]
    columns = await _validate_values(work, values, body.region, measured=values["quantities"])
    columns["origin"] = columns["origin"] or derive_origin(body.region)
    return columns


async def create_project(work: UnitOfWork, body: ProjectCreate) -> Project:
    """Create a project as a draft; raise Invalid with one error per field that contradicts another."""
    columns = await check_project(work, body)
    values = {name: body.model_dump(include={name})[name] for name in LIST_FIELDS}
    happened_at = body.happened_at or work.at
    phone = columns.pop("leader_phone")
    project, created = await create_record(
        work,
        Project,
        body,
        event=lambda project: ProjectDrafted(
            project_id=project.id,
            name=project.name,
            category=project.category,
            year=project.year,
            total=project.total,
        ),
        event_time=happened_at,
        region=body.region,
        id=body.id,
        state=State.DRAFT,
        state_since=happened_at,
        **columns,
    )
    if not created:
        return project
    if phone:
        _encrypt_phone(work, project, phone)
    work.session.add_all(_build_lists(project, values))
    await quantities.store_quantities(work, project, is_new=True)
    await _mark_parent_as_package(work, project)
    await _index_project(work, project)
    return project


async def update_project(
    work: UnitOfWork, project_id: UUID, body: ProjectChange, match: VersionMatch
) -> Project:
    """Edit a project; raise Conflict naming the fields that need a change request in its state."""
    project = await repository.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_DECLARE, project.region, department=project.managing_unit)
    match.require_version(project)
    changes = extract_changes(body)
    _require_editable(project, changes)
    await apply_changes(work, project, changes)
    return project


def extract_changes(body: ProjectChange) -> dict[str, Any]:
    """Return the sent fields of a change, with list rows as plain dicts."""
    changes = body.get_sent_fields()
    if "quantities" in changes:
        changes["quantities"] = [row.model_dump(mode="json") for row in body.quantities or ()]
    for name in LIST_FIELDS:
        if name in changes:
            changes[name] = [row.model_dump() for row in changes[name]]
    return changes


async def validate_changes(
    work: UnitOfWork, project: Project, changes: Mapping[str, Any], *, pointer_prefix: str = ""
) -> None:
    """Raise Invalid when the project with these changes would be inconsistent; error pointers are prefixed with `pointer_prefix`."""
    try:
        await _merge_changes(work, project, changes)
    except Invalid as error:
        faults = [replace(fault, pointer=pointer_prefix + fault.pointer) for fault in error.errors]
        raise Invalid(error.detail, error.detail_en, errors=faults) from error


async def _merge_changes(work: UnitOfWork, project: Project, changes: Mapping[str, Any]) -> dict[str, Any]:
    values = {**await _load_current_values(work, project), **changes}
    if "category" in changes and "counts_as_industry" not in changes:
        values["counts_as_industry"] = None
    return await _validate_values(
        work, values, project.region, project_id=project.id, measured=changes.get("quantities")
    )


async def apply_changes(
    work: UnitOfWork,
    project: Project,
    changes: Mapping[str, Any],
    reason: str = "",
    happened_at: datetime | None = None,
) -> None:
    """Write validated changes into a locked project, update its search index and publish `project.changed`."""
    columns = await _merge_changes(work, project, changes)
    phone = columns.pop("leader_phone")
    before = {
        name: getattr(project, name) for name in changes if name in columns and name not in PRIVATE_FIELDS
    }
    for name, value in columns.items():
        if value is not None or name in changes:
            setattr(project, name, value)
    if phone is not None:
        _encrypt_phone(work, project, phone)
    await _replace_lists(work, project, {name: changes[name] for name in LIST_FIELDS if name in changes})
    if "quantities" in changes:
        await quantities.store_quantities(work, project)
    if "parent_id" in changes:
        await _mark_parent_as_package(work, project)
    if not changes.keys().isdisjoint(SEARCHED_FIELDS):
        await _index_project(work, project)
    published_values = {
        name: "已更新" if name in PRIVATE_FIELDS | {*LIST_FIELDS} else changes[name] for name in changes
    }
    event = ProjectChanged(project_id=project.id, changed=serialize_columns(Project, published_values))
    await save_record(work, project, event, before=before, reason=reason, happened_at=happened_at)


def _require_editable(project: Project, changes: Mapping[str, Any]) -> None:
    if project.stage is Stage.OUT or project.state is State.CLOSED:
        raise Conflict(f"项目{project.state.label}, 不能再修改", f"The project is {project.state}")
    closed_fields = (
        sorted(set(changes) - ALWAYS_EDITABLE_FIELDS) if project.state not in EDITABLE_STATES else []
    )
    if closed_fields:
        raise Conflict(
            f"项目{project.state.label}, 不能直接修改: {'、'.join(closed_fields)}",
            f"These fields are settled: {', '.join(closed_fields)}",
            errors=[
                FieldError("settled", "须走变更申请", "needs a change request", f"/{name}")
                for name in closed_fields
            ],
            next_step=f"入库后的内容请提交变更申请: POST /projects/{project.id}/changes",
        )


async def _load_current_values(work: UnitOfWork, project: Project) -> dict[str, Any]:
    names = set(ProjectChange.model_fields) - {*LIST_FIELDS, "leader_phone"}
    values: dict[str, Any] = {name: getattr(project, name) for name in names}
    values["leader_phone"] = None
    places, money = await repository.list_places_and_money(work, project.id)
    values["places"] = [{"region": place.region} for place in places]
    values["money"] = [{"kind": row.kind, "amount": row.amount} for row in money]
    return values


async def _validate_values(
    work: UnitOfWork,
    values: dict[str, Any],
    region: str,
    *,
    project_id: UUID | None = None,
    measured: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Validate all field values together and return the columns to write; raise Invalid with every error.

    `measured`: the quantities that were sent; those stored before may have units that are no longer on the list.
    """
    faults = rules.find_contradictions(values, region)
    if measured:
        faults += check_units((await work.get_rule(QUANTITY_UNITS, region=region)).value, measured)
    on = min(work.today, date(values["year"], 12, 31))
    category = await categories.find_category(work, values["category"], on=on, region=region)
    if category is None and not values["category"]:
        category = categories.UNDECIDED
    if category is None:
        faults.append(categories.build_unknown_category_fault(values["category"], on))
    elif values["counts_as_industry"] not in {None, category.counts_as_industry}:
        if not values["industry_reason"].strip():
            detail = f"{category.label}默认{'计入' if category.counts_as_industry else '不计入'}产业, 改变须说明理由"
            faults.append(FieldError("no_reason", detail, "say why it differs", "/industry_reason"))
    faults += await _check_parent(work, values["parent_id"], project_id)
    if faults or category is None:
        raise Invalid("项目填写有误", "The project is not valid", errors=faults)
    columns = {name: value for name, value in values.items() if name not in LIST_FIELDS}
    if columns["counts_as_industry"] is None:
        columns["counts_as_industry"] = category.counts_as_industry
    columns["category_label"] = category.label
    return columns


async def _check_parent(
    work: UnitOfWork, parent_id: UUID | None, project_id: UUID | None
) -> list[FieldError]:
    if parent_id is None:
        return []
    parents = await repository.find_projects(work, [parent_id])
    if parent_id not in parents or parent_id == project_id:
        return [FieldError("no_parent", "没有这个上级项目", "no such parent", "/parent_id")]
    if parents[parent_id].allocated:
        return [FieldError("funded", "上级项目已有资金, 不能再拆分", "the parent was funded", "/parent_id")]
    ancestor_id, depth = parents[parent_id].parent_id, 2
    while ancestor_id is not None and depth <= MAX_PACKAGE_LEVELS:
        if ancestor_id == project_id:
            return [FieldError("circle", "上级项目不能是自己的下级", "a project above itself", "/parent_id")]
        ancestors = await repository.find_projects(work, [ancestor_id])
        ancestor_id, depth = (
            (ancestors[ancestor_id].parent_id if ancestor_id in ancestors else None),
            depth + 1,
        )
    if depth > MAX_PACKAGE_LEVELS:
        return [
            FieldError("too_deep", "项目包最多三级: 项目包、项目、子项", "at most three levels", "/parent_id")
        ]
    return []


async def _mark_parent_as_package(work: UnitOfWork, project: Project) -> None:
    """Turn the parent into a package: its amounts are those of its parts from now on."""
    if project.parent_id is None:
        return
    parent = await repository.get_project(work, project.parent_id, lock=True)
    if not parent.is_package:
        parent.is_package = True
        event = ProjectChanged(project_id=parent.id, changed={"is_package": True})
        await save_record(work, parent, event, before={"is_package": False})


def _encrypt_phone(work: UnitOfWork, project: Project, phone: str) -> None:
    ciphertext = (
        work.context.keyring.encrypt(phone, associated_data=f"project:{project.id}:leader_phone")
        if phone
        else ""
    )
    project.leader_phone_sealed, project.leader_phone = ciphertext, mask_phone(phone) if phone else ""
    work.session.add(project)


async def _replace_lists(work: UnitOfWork, project: Project, values: Mapping[str, Any]) -> None:
    tables = {
        "places": repository.PLACE_TABLE,
        "money": repository.MONEY_TABLE,
        "targets": repository.TARGET_TABLE,
    }
    for name, table in tables.items():
        if name in values:
            await repository.replace_rows(
                work, table, project.id, _build_lists(project, {name: values[name]})
            )


def _build_lists(project: Project, values: Mapping[str, Any]) -> list[ProjectPlace | PlannedMoney | Target]:
    """The child rows of a project; its first place with a point is where it lies."""
    places = [
        _build_place(project, place, position) for position, place in enumerate(values.get("places", ()), 1)
    ]
    location = next(((place.lon, place.lat) for place in places if place.lon is not None), (None, None))
    if "places" in values and location != (project.lon, project.lat):
        project.lon, project.lat = location
    return [
        *places,
        *(PlannedMoney(id=new_id(), project_id=project.id, **row) for row in values.get("money", ())),
        *(
            Target(id=new_id(), project_id=project.id, position=position, **row)
            for position, row in enumerate(values.get("targets", ()), 1)
        ),
    ]


def _build_place(project: Project, values: Mapping[str, Any], position: int) -> ProjectPlace:
    point = values["point"]
    place = ProjectPlace(
        id=new_id(),
        project_id=project.id,
        position=position,
        region=values["region"],
        address=values["address"],
    )
    if point is not None:
        place.given = dict(point)
        place.lon, place.lat = _to_wgs84(point)
    return place


def _to_wgs84(point: Mapping[str, Any]) -> tuple[float, float]:
    converted = Place.model_validate(point).to_wgs84()
    return converted.lon, converted.lat


async def _index_project(work: UnitOfWork, project: Project) -> None:
    texts = [getattr(project, name) or "" for name in SEARCHED_FIELDS]
    await search.index_record(work.session, "project", project.id, *texts)


async def get_project_detail(work: UnitOfWork, project_id: UUID) -> ProjectDetail:
    """Load a project with its child rows and the actions available to the caller."""
    project, records = await repository.get_project_with_records(work, project_id)
    facts = await gather_project_facts(
        work, project, ProjectTransitionRequest(), on=work.today, external=ExternalFacts(), records=records
    )
    units = (await work.get_rule(QUANTITY_UNITS, region=project.region)).value
    return ProjectDetail.model_construct(
        **vars(ProjectRead.model_validate(project)),
        places=[PlaceRead.model_validate(row) for row in records.places],
        money=[PlannedMoneyWrite.model_validate(row) for row in records.money],
        targets=[TargetWrite.model_validate(row) for row in records.targets],
        reached=compute_quantity_progress(units, project.quantities, records.reports),
        documents=[DocumentKind(one) for one in sorted(records.documents)],
        committed=records.committed,
        available_actions=available_actions(work, PROJECT_LIFECYCLE, project, facts),
    )


async def get_project_history(work: UnitOfWork, project_id: UUID, cursor: int, limit: int) -> History:
    """Return the events of a project in log order, after a cursor."""
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
