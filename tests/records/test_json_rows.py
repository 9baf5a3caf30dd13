"""Lists are written by the database in the form of their response models, value for value as pydantic writes them."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.projects.projects.models import Project
from services.projects.projects.schemas import ProjectRow
from shared.auth import Role
from shared.db import as_snapshot, execute_core, json_rows
from shared.records import BoundKind
from tests.access.sample_values import SAMPLE_ID, fill_with_sample_rows
from tests.clients import SystemUnderTest

DISTRICT = "620602000000"
MAX_COMPARED = 300


def _list_written_kinds(year: SystemUnderTest, service: str) -> list[BoundKind]:
    written = []
    for one in year.apps[service].state.kinds:
        try:
            json_rows(one.kind.read, one.kind.model)
        except TypeError:
            continue
        written.append(one)
    return written


@pytest.mark.parametrize("service", ["projects", "funds", "assets", "attendance", "identity"])
async def test_a_year_of_rows_is_written_as_pydantic_writes_it(year: SystemUnderTest, service: str) -> None:
    wrong, compared = [], 0
    async with year.apps[service].state.context.database.read() as session:
        for one in _list_written_kinds(year, service):
            rows = json_rows(one.kind.read, one.kind.model)
            key = rows.shown.c[one.kind.key]
            written = sa.select(key.label("key"), rows.text(session))
            texts = {one.key: one.row for one in await execute_core(session, written)}
            query = sa.select(one.kind.table).order_by(one.kind.table.c[one.kind.key]).limit(MAX_COMPARED)
            if one.kind.only is not None:
                query = query.where(one.kind.only())
            is_table = isinstance(one.kind.model, sa.Table)
            for row in await execute_core(session, query):
                record = row if is_table else as_snapshot(one.kind.model, row)
                answer = one.kind.read.model_validate(record).model_dump_json(by_alias=True)
                found = json.loads(texts[getattr(record, one.kind.key)])
                compared += 1
                wrong += [
                    f"{one.kind.name}.{name}: {found.get(name, 'missing')!r} is not {value!r}"
                    for name, value in json.loads(answer).items()
                    if found.get(name, "missing") != value
                ]

    assert compared
    assert not wrong, "\n".join(sorted(set(wrong))[:40])


EXTREMES: dict[str, Any] = {
    "name": "引号\"'反斜线\\换行\n冒号:名 百分号%s 🚜",
    "library_code": None,
    "lon": 105.12345678901234,
    "lat": None,
    "total": 5,
    "settled": 10**14 + 7,
    "blocked": True,
    "state_since": datetime(2024, 5, 6, 2, 0, 1, 230, tzinfo=UTC),
    "planned_end": None,
}


async def test_extreme_values_pass_the_door_unchanged(doors: SystemUnderTest) -> None:
    await fill_with_sample_rows(doors, "projects")
    projects = doors.apps["projects"].state.context.database
    table: sa.Table = Project.__table__  # type: ignore[attr-defined]
    async with projects.write() as session:
        await execute_core(session, table.update().where(table.c.id == SAMPLE_ID).values(**EXTREMES))
        record = await session.get(Project, SAMPLE_ID)

    answer = await _enter(doors, "projects").get("/projects")

    assert answer.json()["items"] == [json.loads(ProjectRow.model_validate(record).model_dump_json())]
    assert answer.json()["items"][0]["state_since"] == "2024-05-06T02:00:01.000230Z"
    assert answer.json()["items"][0]["total"] == "0.05"


@pytest.mark.parametrize(("address", "sort"), [("/projects", "total"), ("/projects", "-created_at")])
async def test_pages_of_two_make_up_the_whole_list(year: SystemUnderTest, address: str, sort: str) -> None:
    client = _enter(year, "projects")
    whole = (await client.get(address, params={"limit": 20, "sort": sort, "count": "exact"})).json()
    found: list[dict[str, Any]] = []
    cursor = ""
    while len(found) < len(whole["items"]):
        page = (await client.get(address, params={"limit": 2, "sort": sort, "cursor": cursor})).json()
        found += page["items"]
        cursor = page["next_cursor"] or ""

    assert found == whole["items"]
    assert whole["total"] >= len(found) > 2


def _enter(system: SystemUnderTest, service: str) -> httpx.AsyncClient:
    return system.service(service).client_as(Role.BUREAU, DISTRICT)
