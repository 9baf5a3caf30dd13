"""Sums of assets and their running totals. Mapper events write the deltas on every flush, so that no code path can forget them."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapper, Session, UOWTransaction, object_session

from services.assets.register.lifecycle import COUNTED_STATES, AssetState, UseState
from services.assets.register.models import Asset, CachedProject
from services.assets.register.schemas import AssetClass, OwnerKind
from services.assets.summary import repository
from services.assets.summary.models import AssetDelta, ProjectValueDelta
from services.assets.summary.schemas import AssetSummary, SummaryPart, ValueReconciliation
from shared.auth import May
from shared.china import LabelledEnum
from shared.clients.assets import Coverage
from shared.records import previous_values, running_totals
from shared.unit_of_work import ServiceContext, UnitOfWork

ASSET_DELTAS: sa.Table = AssetDelta.__table__  # type: ignore[attr-defined]
PROJECTS: sa.Table = CachedProject.__table__  # type: ignore[attr-defined]
PROJECT_DELTAS: sa.Table = ProjectValueDelta.__table__  # type: ignore[attr-defined]
DELTA_KEYS = ("region", "year", "asset_class", "owner_kind", "state", "use")
WATCHED_COLUMNS = (*DELTA_KEYS, "original_value", "project_id")
PENDING_DELTAS_KEY = "asset_deltas"


class CountedAsset(NamedTuple):
    """Keys and value (分) under which an asset counts in the totals."""

    keys: tuple[Any, ...]
    value: int
    project: Any


def _counted_asset(values: dict[str, Any]) -> CountedAsset | None:
    if values["state"] not in COUNTED_STATES:
        return None
    return CountedAsset(
        tuple(values[key] for key in DELTA_KEYS), values["original_value"], values["project_id"]
    )


def _current_values(asset: Asset) -> dict[str, Any]:
    return {name: getattr(asset, name) for name in WATCHED_COLUMNS}


def _queue_change(asset: Asset, was: CountedAsset | None, now: CountedAsset | None) -> None:
    session = object_session(asset)
    if was != now and session is not None:
        session.info.setdefault(PENDING_DELTAS_KEY, []).append((was, now))


@event.listens_for(Asset, "after_insert")
def _on_asset_insert(_mapper: Mapper[Asset], _connection: sa.Connection, asset: Asset) -> None:
    _queue_change(asset, None, _counted_asset(_current_values(asset)))


@event.listens_for(Asset, "after_update")
def _on_asset_update(_mapper: Mapper[Asset], _connection: sa.Connection, asset: Asset) -> None:
    now = _current_values(asset)
    _queue_change(asset, _counted_asset(previous_values(asset, now)), _counted_asset(now))


@event.listens_for(Session, "after_flush")
def _on_flush(session: Session, _context: UOWTransaction) -> None:
    """Write the deltas of a flush in the same transaction, with one insert for all assets."""
    if pending := session.info.pop(PENDING_DELTAS_KEY, None):
        signed = [
            (counted, sign)
            for pair in pending
            for counted, sign in zip(pair, (-1, 1), strict=True)
            if counted
        ]
        _insert_asset_deltas(session.connection(), signed)


def _insert_asset_deltas(connection: sa.Connection, signed: list[tuple[CountedAsset, int]]) -> None:
    projects: dict[Any, int] = {}
    rows = []
    for counted, sign in signed:
        rows.append(
            {
                **dict(zip(DELTA_KEYS, counted.keys, strict=True)),
                "number": sign,
                "value": sign * counted.value,
            }
        )
        if counted.project is not None:
            projects[counted.project] = projects.get(counted.project, 0) + sign * counted.value
    connection.execute(ASSET_DELTAS.insert(), rows)
    for project in sorted(projects):
        update = PROJECTS.update().where(PROJECTS.c.id == project)
        connection.execute(update.values(registered=PROJECTS.c.registered + projects[project]))
        connection.execute(repository.system_insert_registered_delta(project, projects[project]))


COST_COLUMNS = ("region", "accepted_on", "settled", "registered")


class ProjectCost(NamedTuple):
    """Keys, settled cost and registered value (分) under which an accepted project counts in the totals."""

    region: str
    year: int
    settled: int
    registered: int


def _project_cost(values: dict[str, Any]) -> ProjectCost | None:
    on = values["accepted_on"]
    return ProjectCost(values["region"], on.year, values["settled"], values["registered"]) if on else None


def _insert_project_deltas(
    connection: sa.Connection, was: ProjectCost | None, now: ProjectCost | None
) -> None:
    rows = [
        {"region": cost.region, "year": cost.year, "number": sign, "settled": sign * cost.settled,
         "registered": sign * cost.registered}
        for cost, sign in ((was, -1), (now, 1))
        if cost is not None
    ]  # fmt: skip
    if was != now:
        connection.execute(PROJECT_DELTAS.insert(), rows)


@event.listens_for(CachedProject, "after_insert")
def _on_project_insert(
    _mapper: Mapper[CachedProject], connection: sa.Connection, project: CachedProject
) -> None:
    _insert_project_deltas(connection, None, _project_cost(vars(project)))


@event.listens_for(CachedProject, "after_update")
def _on_project_update(
    _mapper: Mapper[CachedProject], connection: sa.Connection, project: CachedProject
) -> None:
    now = {name: getattr(project, name) for name in COST_COLUMNS}
    _insert_project_deltas(connection, _project_cost(previous_values(project, now)), _project_cost(now))


async def apply_deltas(context: ServiceContext) -> int:
    """Background task: add all pending deltas to the totals; returns their number."""
    return await running_totals.apply_all_deltas(
        context, repository.ASSET_TOTAL_SPEC, repository.PROJECT_TOTAL_SPEC
    )


CONFIRMED_STATES = (AssetState.CONFIRMED, AssetState.OFFERED, AssetState.HANDED_OVER)


async def get_coverage(work: UnitOfWork, project_id: UUID) -> Coverage:
    """Counts and registered value of a project's assets; zeros when there are none."""
    counts: dict[str, Any] = await repository.sum_coverage(work, project_id)
    return Coverage.model_construct(project_id=project_id, **counts)


async def get_summary(work: UnitOfWork, region: str, year: int | None) -> AssetSummary:
    """Counts and original values of the registered assets of a region; every breakdown has the same total."""
    kinds: dict[str, type[LabelledEnum]] = {
        "asset_class": AssetClass,
        "owner_kind": OwnerKind,
        "state": AssetState,
        "use": UseState,
    }
    rows = await _list_rows(work, region, year, tuple(kinds))
    base_filter = f"region={region}&counted=true" + (f"&year={year}" if year is not None else "")
    breakdowns = {
        name: list(_build_parts(name, kind, rows[name], base_filter)) for name, kind in kinds.items()
    }
    count = sum(part.count for part in breakdowns["asset_class"])
    confirmed = sum(part.count for part in breakdowns["state"] if part.key in CONFIRMED_STATES)
    return AssetSummary.model_construct(
        region=region,
        year=year,
        count=count,
        value=sum(part.value for part in breakdowns["asset_class"]),
        confirmed_percent=format_percent(confirmed, count),
        by_class=breakdowns["asset_class"],
        by_owner=breakdowns["owner_kind"],
        by_state=breakdowns["state"],
        by_use=breakdowns["use"],
        agreement=await _reconcile_value(work, region, year),
    )


async def _list_rows(
    work: UnitOfWork, region: str, year: int | None, names: tuple[str, ...]
) -> dict[str, list[tuple[str, int, int]]]:
    """(key, count, value in 分) per breakdown: from the running totals, or counted when the caller sees only part of the region."""
    if not work.actor.has_access(May.ASSET_READ, region):
        return {name: await repository.sum_assets_by_column(work, region, year, name) for name in names}
    sums: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in names}
    for row in await repository.sum_asset_totals(work, region, year):
        for name in names:
            number, value = sums[name].get(str(getattr(row, name)), (0, 0))
            sums[name][str(getattr(row, name))] = (number + int(row.number), value + int(row.value))
    return {name: [(key, *figures) for key, figures in sums[name].items()] for name in names}


def _build_parts(
    name: str, kind: type[LabelledEnum], rows: Iterable[tuple[str, int, int]], base_filter: str
) -> Iterable[SummaryPart]:
    sums = {key: (count, value) for key, count, value in rows}
    for member in kind:
        if member in sums:
            count, value = sums[member]
            yield SummaryPart.model_construct(
                key=member,
                label=member.label,
                count=count,
                value=value,
                filter=f"{base_filter}&{name}={member}",
            )


async def _reconcile_value(work: UnitOfWork, region: str, year: int | None) -> ValueReconciliation:
    sees_whole_region = work.actor.has_access(May.ASSET_READ, region)
    query = repository.sum_project_totals if sees_whole_region else repository.sum_settled_projects
    projects, settled, registered = await query(work, region, year)
    return ValueReconciliation.model_construct(
        projects=projects, settled=settled, registered=registered, difference=registered - settled
    )


def format_percent(part: int, total: int) -> str:
    """Percentage with one decimal, rounded half up; "0.0" when the total is zero."""
    tenths = (part * 2000 + total) // (2 * total) if total else 0
    return f"{tenths // 10}.{tenths % 10}"
