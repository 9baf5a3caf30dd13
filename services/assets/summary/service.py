"""Sums of assets and their running totals. Mapper events write the deltas on every flush, so that no code path can forget them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy import event
from sqlalchemy.orm import Mapper, Session, UOWTransaction, object_session
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.book.service import sum_net
from services.assets.contracts.models import OperatingContract, Receipt
from services.assets.contracts.schemas import AssetContractRead, ReceiptRead
from services.assets.custody import repository as custody
from services.assets.custody.schemas import InspectionRead
from services.assets.disposals.models import Disposal
from services.assets.disposals.schemas import DisposalRead
from services.assets.pledges.models import Pledge
from services.assets.pledges.schemas import PledgeRead
from services.assets.register.lifecycle import COUNTED_STATES, AssetState, UseState
from services.assets.register.models import Asset, CachedProject
from services.assets.register.schemas import AssetClass, AssetRead, OwnerKind
from services.assets.summary import repository
from services.assets.summary.models import AssetDelta, ProjectValueDelta
from services.assets.summary.schemas import AssetSummary, AssetThread, SummaryPart, ValueReconciliation
from services.assets.transfers.schemas import TransferRead
from shared.auth import May
from shared.china import LabelledEnum
from shared.clients.assets import Coverage
from shared.db import Record
from shared.records import previous_values, running_totals
from shared.records.region_names import find_place_names
from shared.records.town_rates import average_rate, is_county
from shared.unit_of_work import ServiceContext, UnitOfWork

RecordT = TypeVar("RecordT", bound=Record)
ReadT = TypeVar("ReadT", bound=BaseModel)
ASSET_DELTAS: sa.Table = AssetDelta.__table__  # type: ignore[attr-defined]
PROJECTS: sa.Table = CachedProject.__table__  # type: ignore[attr-defined]
PROJECT_DELTAS: sa.Table = ProjectValueDelta.__table__  # type: ignore[attr-defined]
DELTA_KEYS = ("region", "year", "asset_class", "owner_kind", "state", "use")
WATCHED_COLUMNS = (*DELTA_KEYS, "original_value", "project_id")
PENDING_DELTAS_KEY = "asset_deltas"
COUNTY_DIGITS, TOWN_DIGITS = 6, 9
"""Digits of a code up to the county; those of a city or province end in 00."""


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


async def get_thread(work: UnitOfWork, assets: Sequence[Asset], project_id: UUID | None) -> AssetThread:
    """Assets with what happened to them, each list at most 1,000 rows."""
    ids = [asset.id for asset in assets]

    async def load(table: type[RecordT], read: type[ReadT], order: Any) -> list[ReadT]:  # noqa: ANN401 - a column
        columns: sa.Table = table.__table__  # type: ignore[attr-defined]
        of_assets = columns.c.asset_id.in_(ids)
        rows = await records.list_records(work, table, of_assets, order=(order,)) if ids else []
        return [read.model_validate(row) for row in rows]

    inspections = await custody.list_asset_inspections(work, ids) if ids else []
    transfers = await repository.list_transfers(work, ids) if ids else []
    return AssetThread(
        project_id=project_id,
        assets=[AssetRead.model_validate(asset) for asset in assets],
        inspections=[InspectionRead.model_validate(inspection) for inspection in inspections],
        leases=await load(OperatingContract, AssetContractRead, col(OperatingContract.starts_on)),
        receipts=await load(Receipt, ReceiptRead, col(Receipt.received_on).desc()),
        pledges=await load(Pledge, PledgeRead, col(Pledge.starts_on)),
        transfers=[TransferRead.model_validate(transfer) for transfer in transfers],
        disposals=await load(Disposal, DisposalRead, col(Disposal.created_at)),
        coverage=await get_coverage(work, project_id) if project_id else None,
    )


async def get_summary(work: UnitOfWork, region: str, year: int | None) -> AssetSummary:
    """Counts and values of the assets of a region that are there; every breakdown has the same total.

    Disposed assets stand apart. The net value follows from the rule book.depreciation of the region's district.
    """
    kinds: dict[str, type[LabelledEnum]] = {
        "asset_class": AssetClass,
        "owner_kind": OwnerKind,
        "state": AssetState,
        "use": UseState,
    }
    own_rows, town_rows = await _list_rows(work, region, year)
    rows, (disposed_count, disposed_value) = _add_rows(own_rows, tuple(kinds))
    place = f"region={region}" + (f"&year={year}" if year is not None else "")
    breakdowns = {
        name: list(_build_parts(name, kind, rows[name], f"{place}&counted=true"))
        for name, kind in kinds.items()
    }
    count = sum(part.count for part in breakdowns["asset_class"])
    confirmed = sum(part.count for part in breakdowns["state"] if part.key in CONFIRMED_STATES)
    return AssetSummary.model_construct(
        region=region,
        year=year,
        count=count,
        value=sum(part.value for part in breakdowns["asset_class"]),
        net=await sum_net(work, region, year) if region[COUNTY_DIGITS - 2 : COUNTY_DIGITS] != "00" else None,
        confirmed_percent=format_percent(confirmed, count),
        confirmed_percent_of_towns=_average_confirmed(region, town_rows),
        by_class=breakdowns["asset_class"],
        by_owner=breakdowns["owner_kind"],
        by_state=breakdowns["state"],
        by_use=breakdowns["use"],
        disposed=SummaryPart.model_construct(
            key=UseState.DISPOSED,
            label=UseState.DISPOSED.label,
            count=disposed_count,
            value=disposed_value,
            filter=f"{place}&use={UseState.DISPOSED}",
        ),
        agreement=await _reconcile_value(work, region, year),
    )


def _may_show_totals(work: UnitOfWork, region: str) -> bool:
    """Whether the caller sees the whole region, and its codes are those that the totals were summed by."""
    return work.actor.has_access(May.ASSET_READ, region) and not work.context.mergers.is_regrouped(
        region, TOWN_DIGITS
    )


async def _list_rows(work: UnitOfWork, region: str, year: int | None) -> tuple[Sequence[Any], Sequence[Any]]:
    """The rows of a region, and those of its towns where it is a county.

    From the running totals, or counted when the caller sees only part of the region.
    """
    if not _may_show_totals(work, region):
        rows = await repository.sum_visible_assets(work, region, year)
        return rows, rows
    towns = []
    if is_county(region):
        places = await find_place_names(work, region)
        towns = [code for code in places.names if code in places.towns]
    rows = await repository.sum_asset_totals(work, region, year, towns)
    return [row for row in rows if row.head == region], [row for row in rows if row.head != region]


def _average_confirmed(region: str, rows: Sequence[Any]) -> str | None:
    return average_rate(
        region,
        (
            (row.head, int(row.number) if row.state in CONFIRMED_STATES else 0, int(row.number))
            for row in rows
            if row.use != UseState.DISPOSED
        ),
    )


def _add_rows(
    rows: Sequence[Any], names: tuple[str, ...]
) -> tuple[dict[str, list[tuple[str, int, int]]], tuple[int, int]]:
    """(key, count, value in 分) per breakdown without disposed assets, and (count, value) of those."""
    sums: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in names}
    disposed = (0, 0)
    for row in rows:
        if row.use == UseState.DISPOSED:
            disposed = (disposed[0] + int(row.number), disposed[1] + int(row.value))
            continue
        for name in names:
            number, value = sums[name].get(str(getattr(row, name)), (0, 0))
            sums[name][str(getattr(row, name))] = (number + int(row.number), value + int(row.value))
    return {name: [(key, *figures) for key, figures in sums[name].items()] for name in names}, disposed


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
    may_show_totals = _may_show_totals(work, region)
    query = repository.sum_project_totals if may_show_totals else repository.sum_settled_projects
    projects, settled, registered = await query(work, region, year)
    return ValueReconciliation.model_construct(
        projects=projects, settled=settled, registered=registered, difference=registered - settled
    )


def format_percent(part: int, total: int) -> str:
    """Percentage with one decimal, rounded half up; "0.0" when the total is zero."""
    tenths = (part * 2000 + total) // (2 * total) if total else 0
    return f"{tenths // 10}.{tenths % 10}"
