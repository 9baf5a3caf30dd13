"""Export of projects: county table (XLSX, CSV), GeoJSON, OC4IDS 0.9 (open-contracting.org/infrastructure)."""

import csv
import io
import json
import tempfile
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from services.projects.imports import repository
from services.projects.imports.schemas import (
    EXPORT_COLUMNS,
    FLAG_COLUMNS,
    MONEY_COLUMNS,
    TEXT_COLUMNS,
    ExportFormat,
)
from services.projects.projects.lifecycle import State
from services.projects.projects.models import PlannedMoney, Project, ProjectPlace
from services.projects.projects.repository import ProjectFilter
from services.projects.projects.schemas import MoneyKind, Nature
from services.projects.quantities.calculation import format_quantities
from shared.china import FEN_PER_YUAN, PlaceNames
from shared.errors import NotFound
from shared.http import content_disposition
from shared.records.region_names import find_place_names
from shared.spreadsheets import FORMULA_STARTS, XLSX_MEDIA_TYPE, WorkbookWriter
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

OC4IDS_VERSION = "0.9"
OC4IDS_STATUS_CODES = {
    State.DRAFT: "identification",
    State.VILLAGE_NOTICE: "identification",
    State.TOWN_REVIEW: "identification",
    State.TOWN_NOTICE: "identification",
    State.APPRAISAL: "preparation",
    State.APPROVAL: "preparation",
    State.DISTRICT_NOTICE: "preparation",
    State.RETURNED: "identification",
    State.RESERVE: "preparation",
    State.PLANNED: "preparation",
    State.STARTED: "implementation",
    State.UNDER_CONSTRUCTION: "implementation",
    State.SUSPENDED: "implementation",
    State.COMPLETED: "completion",
    State.ACCEPTED: "completion",
    State.HANDED_OVER: "maintenance",
    State.CLOSED: "maintenance",
    State.WITHDRAWN: "cancelled",
    State.TERMINATED: "cancelled",
}
"""Project state → code of the OC4IDS `projectStatus` code list."""
OC4IDS_TYPE_CODES = {
    Nature.NEW: "construction",
    Nature.CONTINUED: "construction",
    Nature.REBUILT_EXTENDED: "expansion",
    Nature.EXTENDED: "expansion",
    Nature.REBUILT: "rehabilitation",
    Nature.REPAIRED: "rehabilitation",
}
"""Nature of the works → code of the OC4IDS `projectType` code list; other natures have no code."""
OC4IDS_SECTOR_CODES = {
    "1.3.1": ("waterAndWaste",),
    "3.1.2": ("transport", "transport.road"),
    "3.1.3": ("transport", "transport.road"),
    "3.1.4": ("waterAndWaste",),
    "3.1.5": ("energy",),
    "3.1.6": ("communications",),
    "3.1.7": ("energy",),
    "3.2": ("waterAndWaste",),
    "3.3.1": ("education",),
    "3.3.2": ("health",),
    "5.1": ("socialHousing",),
}
"""Category code → codes of the OC4IDS `projectSector` code list; all others are `economy`, agriculture included."""
_DEFAULT_SECTOR = "economy"


def build_oc4ids_project(
    project: Project, money: Iterable[PlannedMoney], places: Sequence[ProjectPlace]
) -> dict[str, Any]:
    """Build the OC4IDS object of a project without empty members."""
    authority = _build_party("authority", project.managing_unit, "publicAuthority")
    owner = _build_party("implementer", project.implementing_unit, "procuringEntity")
    values = {
        "id": f"xianjie-{project.id}",
        "updated": project.updated_at.isoformat(),
        "language": "zh",
        "identifiers": [{"id": project.library_code, "scheme": "CN-PROJECT-LIBRARY"}]
        if project.library_code
        else [],
        "title": project.name,
        "description": project.content,
        "status": OC4IDS_STATUS_CODES[project.state],
        "type": OC4IDS_TYPE_CODES.get(project.nature),
        "sector": _list_sectors(project.category),
        "additionalClassifications": [
            {"scheme": "CN-RURAL-PROJECT", "id": project.category, "description": project.category_label}
        ],
        "purpose": project.goal,
        "period": _build_period(project.planned_start, project.planned_end),
        "completion": {
            "endDate": _format_instant(project.completed_on),
            "finalValue": _build_value(project.settled) if project.settled else None,
        },
        "budget": {"amount": _build_value(project.total), "budgetBreakdowns": _build_breakdowns(money)},
        "locations": _build_locations(project, places),
        "publicAuthority": {"id": authority["id"], "name": authority["name"]} if authority else None,
        "parties": [party for party in (authority, owner) if party],
    }
    cleaned: dict[str, Any] = _remove_empty(values)
    return cleaned


def build_oc4ids_package(
    projects: Sequence[dict[str, Any]], *, uri: str, publisher: str, at: datetime
) -> dict[str, Any]:
    """Build an OC4IDS project package."""
    return {
        "uri": uri,
        "publishedDate": at.isoformat(),
        "version": OC4IDS_VERSION,
        "publisher": {"name": publisher},
        "projects": list(projects),
    }


def _list_sectors(category: str) -> list[str]:
    parts = category.split(".")
    for size in range(len(parts), 0, -1):
        if codes := OC4IDS_SECTOR_CODES.get(".".join(parts[:size])):
            return list(codes)
    return [_DEFAULT_SECTOR]


def _build_party(kind: str, name: str, role: str) -> dict[str, Any] | None:
    return {"id": f"{kind}-{name}", "name": name, "roles": [role]} if name.strip() else None


def _build_value(fen: int) -> dict[str, Any]:
    return {"amount": float(Decimal(fen) / FEN_PER_YUAN), "currency": "CNY"}


def _build_breakdowns(money: Iterable[PlannedMoney]) -> list[dict[str, Any]]:
    rows = [
        {"id": row.kind.value, "description": MoneyKind(row.kind).label, "amount": _build_value(row.amount)}
        for row in money
    ]
    return [{"id": "sources", "budgetBreakdown": rows}] if rows else []


def _build_locations(project: Project, places: Sequence[ProjectPlace]) -> list[dict[str, Any]]:
    locations = [
        {
            "id": str(place.id),
            "description": place.address or project.place,
            "geometry": _build_point(place.lon, place.lat),
            "gazetteer": {"scheme": "CN-GB-T-2260", "identifiers": [place.region]},
        }
        for place in places
    ]
    return locations or [
        {
            "id": str(project.id),
            "description": project.place,
            "geometry": _build_point(project.lon, project.lat),
            "gazetteer": {"scheme": "CN-GB-T-2260", "identifiers": [project.region]},
        }
    ]


def _build_point(lon: float | None, lat: float | None) -> dict[str, Any] | None:
    return {"type": "Point", "coordinates": [lon, lat]} if lon is not None and lat is not None else None


def _build_period(start: date | None, end: date | None) -> dict[str, Any]:
    return {"startDate": _format_instant(start), "endDate": _format_instant(end)}


def _format_instant(day: date | None) -> str | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=CHINA_TIME_ZONE).isoformat()


def _remove_empty(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        cleaned = {key: _remove_empty(member) for key, member in value.items()}
        return {key: member for key, member in cleaned.items() if member not in (None, "", [], {})}
    if isinstance(value, list):
        return [_remove_empty(member) for member in value]
    return value


MAX_IN_MEMORY_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
MEDIA_TYPES = {
    ExportFormat.XLSX: (XLSX_MEDIA_TYPE, "xlsx"),
    ExportFormat.CSV: ("text/csv; charset=utf-8", "csv"),
    ExportFormat.GEOJSON: ("application/geo+json", "geojson"),
    ExportFormat.OC4IDS: ("application/json; charset=utf-8", "json"),
}
EXPORT_NOTE = "单位: 万元; 由项目库导出, 金额与库内一致; 状态以导出时为准"


def build_download_headers(name: str) -> dict[str, str]:
    """Build the response headers of a download that no cache may store."""
    return {
        **content_disposition(name),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }


@dataclass(frozen=True)
class ExportFile:
    """A finished export: an open file that is closed when its last chunk was sent."""

    file: IO[bytes]
    media_type: str
    name: str

    def build_headers(self) -> dict[str, str]:
        """Build the response headers of this download."""
        return build_download_headers(self.name)

    def iterate_chunks(self) -> Iterator[bytes]:
        """Yield the content in chunks; the temporary file is deleted afterwards."""
        with self.file as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


async def write_projects(work: UnitOfWork, filters: ProjectFilter, export_format: ExportFormat) -> ExportFile:
    """Write the projects the caller may read to a temporary file in the given format."""
    district = filters.region or work.home_region
    region_names = await find_place_names(work, district)
    target = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY_BYTES)  # noqa: SIM115 - closed after it is sent
    media_type, extension = MEDIA_TYPES[export_format]
    try:
        await _write_format(work, filters, export_format, region_names, target)
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return ExportFile(target, media_type, f"项目库-{work.today.isoformat()}.{extension}")


async def _write_format(
    work: UnitOfWork,
    filters: ProjectFilter,
    export_format: ExportFormat,
    region_names: PlaceNames,
    target: IO[bytes],
) -> None:
    match export_format:
        case ExportFormat.XLSX:
            await _write_xlsx(work, filters, region_names, target)
        case ExportFormat.CSV:
            await _write_csv(work, filters, region_names, target)
        case ExportFormat.GEOJSON:
            await _write_geojson(work, filters, target)
        case ExportFormat.OC4IDS:
            await _write_oc4ids(work, filters, region_names, target)


async def _iterate_rows(
    work: UnitOfWork, filters: ProjectFilter, region_names: PlaceNames
) -> AsyncGenerator[dict[str, Any]]:
    number = 0
    async for batch in repository.iterate_projects(work, filters):
        ids = [project.id for project in batch]
        money = await repository.list_planned_money(work, ids)
        done = await repository.list_done_quantities(work, ids)
        for project in batch:
            number += 1
            yield {
                "number": number,
                **build_row(project, money[project.id], region_names),
                "quantities_done": format_quantities(done[project.id]),
            }


def build_row(project: Project, money: list[PlannedMoney], region_names: PlaceNames) -> dict[str, Any]:
    """Build the row of a project in the county table; amounts in 分, the phone number masked."""
    county, town, village = region_names.get_names(project.region)
    labels = [*project.category_label.split("/"), "", "", ""]
    amounts = dict.fromkeys(MONEY_COLUMNS.values(), 0) | {planned.kind: planned.amount for planned in money}
    copied = (
        *TEXT_COLUMNS,
        *FLAG_COLUMNS,
        "name",
        "nature",
        "planned_start",
        "planned_end",
        "total",
        "decision_no",
        "year",
    )
    counts = ("villages", "households", "people", "poor_households", "poor_people", "admitted_on")
    return {
        **{name: getattr(project, name) for name in (*copied, *counts)},
        **{name: amounts[kind] or None for name, kind in MONEY_COLUMNS.items()},
        "county": county,
        "town": town,
        "village": village,
        "category1": labels[0],
        "category2": labels[1],
        "category3": labels[2],
        "quantities": format_quantities(project.quantities),
        "planned": project.plan_year is not None,
        "library_code": project.library_code or "",
        "state_label": project.state_label,
        "record_id": project.id,
    }


async def _write_xlsx(
    work: UnitOfWork, filters: ProjectFilter, region_names: PlaceNames, target: IO[bytes]
) -> None:
    year = f"{filters.year}年度" if filters.year else ""
    title = f"{region_names.names.get(region_names.district, '')}{year}巩固拓展脱贫攻坚成果和乡村振兴项目库"
    note = EXPORT_NOTE if region_names.names else f"{EXPORT_NOTE}; 区划名称暂缺"
    with WorkbookWriter(target) as book:
        sheet = book.add_sheet("项目库", EXPORT_COLUMNS, title=title, note=note)
        async for row in _iterate_rows(work, filters, region_names):
            sheet.add_row(row)


async def _write_csv(
    work: UnitOfWork, filters: ProjectFilter, region_names: PlaceNames, target: IO[bytes]
) -> None:
    text = io.TextIOWrapper(target, "utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([column.title for column in EXPORT_COLUMNS])
    async for row in _iterate_rows(work, filters, region_names):
        writer.writerow(
            [
                _format_cell(column.kind.write(value)) if (value := row[column.key]) not in (None, "") else ""
                for column in EXPORT_COLUMNS
            ]
        )
    text.flush()
    text.detach()


def _format_cell(value: Any) -> str:  # noqa: ANN401 - whatever a kind writes
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


async def _write_geojson(work: UnitOfWork, filters: ProjectFilter, target: IO[bytes]) -> None:
    target.write(b'{"type":"FeatureCollection","features":[')
    is_first = True
    async for batch in repository.iterate_projects(work, filters):
        places = await repository.list_places(work, [project.id for project in batch])
        for project in batch:
            points = [[place.lon, place.lat] for place in places[project.id] if place.lon is not None]
            feature = {
                "type": "Feature",
                "id": str(project.id),
                "geometry": _build_geometry(points),
                "properties": {
                    "name": project.name,
                    "region": project.region,
                    "state": project.state,
                    "stage": project.stage,
                    "category": project.category,
                    "category_label": project.category_label,
                    "year": project.year,
                    "total": f"{project.total / 100:.2f}",
                    "library_code": project.library_code or "",
                },
            }
            target.write((b"" if is_first else b",") + json.dumps(feature, ensure_ascii=False).encode())
            is_first = False
    target.write(b"]}")


def _build_geometry(points: list[list[float | None]]) -> dict[str, Any] | None:
    if not points:
        return None
    if len(points) == 1:
        return {"type": "Point", "coordinates": points[0]}
    return {"type": "MultiPoint", "coordinates": points}


async def _write_oc4ids(
    work: UnitOfWork, filters: ProjectFilter, region_names: PlaceNames, target: IO[bytes]
) -> None:
    projects: list[dict[str, Any]] = []
    async for batch in repository.iterate_projects(work, filters):
        ids = [project.id for project in batch]
        money, places = (
            await repository.list_planned_money(work, ids),
            await repository.list_places(work, ids),
        )
        projects += [
            build_oc4ids_project(project, money[project.id], places[project.id]) for project in batch
        ]
    if not projects:
        raise NotFound("没有符合条件的项目, OC4IDS 不允许空包", "No projects; a package may not be empty")
    publisher = region_names.names.get(region_names.district) or region_names.district
    uri = f"urn:xianjie:projects:{region_names.district}:{work.at:%Y%m%dT%H%M%SZ}"
    package = build_oc4ids_package(projects, uri=uri, publisher=publisher, at=work.at)
    target.write(json.dumps(package, ensure_ascii=False).encode())
