"""The library written out: for the province (county table), for machines (CSV, GeoJSON), for the world (OC4IDS)."""

import csv
import io
import json
import tempfile
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from datetime import date
from typing import IO, Any
from urllib.parse import quote

from services.projects.exchange import oc4ids, repository
from services.projects.exchange.layout import FLAGS, MONEY, OURS, WORDS, Format
from services.projects.exchange.regions import Names, names_if_there
from services.projects.library.models import PlannedMoney, Project
from services.projects.library.repository import Wanted
from shared.errors import NotFound
from shared.sheets.writing import FORMULA_STARTS, Book
from shared.work import Work

IN_MEMORY = 4 * 1024 * 1024
CHUNK = 64 * 1024
MEDIA = {
    Format.XLSX: ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    Format.CSV: ("text/csv; charset=utf-8", "csv"),
    Format.GEOJSON: ("application/geo+json", "geojson"),
    Format.OC4IDS: ("application/json; charset=utf-8", "json"),
}
NOTE = "单位: 万元; 由项目库导出, 金额与库内一致; 状态以导出时为准"


def attached(name: str) -> dict[str, str]:
    """Headers of a download."""
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }


@dataclass(frozen=True)
class Written:
    """A finished file."""

    file: IO[bytes]
    media_type: str
    name: str

    def headers(self) -> dict[str, str]:
        """As a download that nobody keeps on the way."""
        return attached(self.name)

    def chunks(self) -> Iterator[bytes]:
        """The content, part by part; the file is gone after the last one."""
        with self.file as file:
            while part := file.read(CHUNK):
                yield part


async def write(work: Work, wanted: Wanted, form: Format) -> Written:
    """The projects a caller may see and asked for, in a format."""
    district = wanted.region or work.context.settings.district
    places = await names_if_there(work, district)
    target = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed when it was sent
    media, ending = MEDIA[form]
    try:
        await _fill(work, wanted, form, places, target)
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return Written(target, media, f"项目库-{work.today.isoformat()}.{ending}")


async def _fill(work: Work, wanted: Wanted, form: Format, places: Names, target: IO[bytes]) -> None:
    match form:
        case Format.XLSX:
            await _xlsx(work, wanted, places, target)
        case Format.CSV:
            await _csv(work, wanted, places, target)
        case Format.GEOJSON:
            await _geojson(work, wanted, target)
        case Format.OC4IDS:
            await _oc4ids(work, wanted, places, target)


async def _rows(work: Work, wanted: Wanted, places: Names) -> AsyncGenerator[dict[str, Any]]:
    number = 0
    async for batch in repository.batches(work, wanted):
        money = await repository.money(work, [project.id for project in batch])
        for project in batch:
            number += 1
            yield {"number": number, **row(project, money[project.id], places)}


def row(project: Project, money: list[PlannedMoney], places: Names) -> dict[str, Any]:
    """A project as a row of the county's table; amounts in 分, phones as they may be shown."""
    county, town, village = places.of(project.region)
    labels = [*project.category_label.split("/"), "", "", ""]
    amounts = dict.fromkeys(MONEY.values(), 0) | {one.kind: one.amount for one in money}
    kept = (*WORDS, *FLAGS, "name", "nature", "planned_start", "planned_end", "total", "decision_no", "year")
    counts = ("villages", "households", "people", "poor_households", "poor_people", "admitted_on")
    return {
        **{name: getattr(project, name) for name in (*kept, *counts)},
        **{name: amounts[kind] or None for name, kind in MONEY.items()},
        "county": county,
        "town": town,
        "village": village,
        "category1": labels[0],
        "category2": labels[1],
        "category3": labels[2],
        "planned": project.plan_year is not None,
        "library_code": project.library_code or "",
        "state_label": project.state_label,
    }


async def _xlsx(work: Work, wanted: Wanted, places: Names, target: IO[bytes]) -> None:
    year = f"{wanted.year}年度" if wanted.year else ""
    title = f"{places.names.get(places.district, '')}{year}巩固拓展脱贫攻坚成果和乡村振兴项目库"
    note = NOTE if places.names else f"{NOTE}; 区划名称暂缺"
    with Book(target) as book:
        sheet = book.sheet("项目库", OURS, title=title, note=note)
        async for one in _rows(work, wanted, places):
            sheet.add(one)


async def _csv(work: Work, wanted: Wanted, places: Names, target: IO[bytes]) -> None:
    text = io.TextIOWrapper(target, "utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([column.title for column in OURS])
    async for one in _rows(work, wanted, places):
        writer.writerow(
            [
                _cell(column.kind.write(value)) if (value := one[column.key]) not in (None, "") else ""
                for column in OURS
            ]
        )
    text.flush()
    text.detach()


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a kind writes
    if isinstance(value, date):
        return value.isoformat()
    words = str(value)
    return f"'{words}" if isinstance(value, str) and words.startswith(FORMULA_STARTS) else words


async def _geojson(work: Work, wanted: Wanted, target: IO[bytes]) -> None:
    target.write(b'{"type":"FeatureCollection","features":[')
    first = True
    async for batch in repository.batches(work, wanted):
        places = await repository.places(work, [project.id for project in batch])
        for project in batch:
            points = [[one.lon, one.lat] for one in places[project.id] if one.lon is not None]
            feature = {
                "type": "Feature",
                "id": str(project.id),
                "geometry": _geometry(points),
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
            target.write((b"" if first else b",") + json.dumps(feature, ensure_ascii=False).encode())
            first = False
    target.write(b"]}")


def _geometry(points: list[list[float | None]]) -> dict[str, Any] | None:
    if not points:
        return None
    if len(points) == 1:
        return {"type": "Point", "coordinates": points[0]}
    return {"type": "MultiPoint", "coordinates": points}


async def _oc4ids(work: Work, wanted: Wanted, names: Names, target: IO[bytes]) -> None:
    found: list[dict[str, Any]] = []
    async for batch in repository.batches(work, wanted):
        ids = [project.id for project in batch]
        money, places = await repository.money(work, ids), await repository.places(work, ids)
        found += [oc4ids.project(one, money[one.id], places[one.id]) for one in batch]
    if not found:
        raise NotFound("没有符合条件的项目, OC4IDS 不允许空包", "No projects; a package may not be empty")
    publisher = names.names.get(names.district) or names.district
    uri = f"urn:xianjie:projects:{names.district}:{work.at:%Y%m%dT%H%M%SZ}"
    whole = oc4ids.package(found, uri=uri, publisher=publisher, at=work.at)
    target.write(json.dumps(whole, ensure_ascii=False).encode())
