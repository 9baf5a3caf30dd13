"""Lists are written by the database in the form of their response models, value for value as pydantic writes them."""

import inspect
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema_rs
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter

from embedded.system import list_services
from services.projects.projects.models import Project
from services.projects.projects.schemas import ProjectRow
from shared.auth import Role
from shared.db import as_snapshot, execute_core, json_rows
from shared.db.migrate import has_database
from shared.http import PageAnswer
from shared.records import BoundKind
from tests.access.operations import RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE, SAMPLE_ID, fill_with_sample_rows
from tests.clients import SystemUnderTest

DISTRICT = "620602000000"
MAX_COMPARED = 300
LEAST_SHARE = 0.6
"""Of the lists of a service, how many must have shown a row."""


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


SERVICES_WITH_LISTS = [name for name in list_services() if has_database(name) and name != "sync"]
"""The rows of sync are shown to their sender alone."""


def _list_page_schemas(app: FastAPI) -> dict[str, Any]:
    """Path → JSON schema of the declared answer, of every list that the database writes; no field may be missing or more."""
    return {
        str(context.path): _forbid_more(TypeAdapter(route.response_model).json_schema(mode="serialization"))
        for context in iter_route_contexts(app.routes)
        if isinstance(route := context.original_route, APIRoute)
        and inspect.signature(route.endpoint).return_annotation is PageAnswer
    }


def _forbid_more(schema: dict[str, Any]) -> dict[str, Any]:
    for one in (schema, *schema.get("$defs", {}).values()):
        if "properties" in one:
            one["additionalProperties"] = False
    return schema


@pytest.mark.parametrize("service", SERVICES_WITH_LISTS)
async def test_every_written_list_has_the_form_that_its_route_declares(
    doors: SystemUnderTest, service: str
) -> None:
    schemas = _list_page_schemas(doors.apps[service])
    await fill_with_sample_rows(doors, service)
    callers = [RoleClient(doors, service, role, REGION_INSIDE) for role in Role]
    wrong, with_rows = [], set()
    for one in list_operations(service, doors.apps[service]):
        is_written = one.method == "get" and one.path in schemas
        for caller in callers if is_written else ():
            answer = await caller.send_request(one)
            if not answer.is_success:
                continue
            faults = jsonschema_rs.validator_for(schemas[one.path]).iter_errors(answer.json())
            wrong += [f"{one} {fault.instance_path}: {fault.message}" for fault in faults]
            if answer.json()["items"]:
                with_rows.add(one.path)
                break

    assert not wrong, "\n".join(wrong)
    assert len(with_rows) >= LEAST_SHARE * len(schemas), sorted(schemas.keys() - with_rows)


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
