"""What lies outside a caller's regions is as if it were not there, at every address that takes or lists a record."""

from typing import Any

import pytest
import sqlalchemy as sa

from embedded.system import service_names
from shared.db import Database
from shared.migrate import base_of, has_database
from shared.permissions import Reach, Role
from tests.access.calls import Caller, Operation, operations
from tests.access.samples import INSIDE, MARK, OUTSIDE, fill
from tests.doors import Doors

STORING = [name for name in service_names() if has_database(name)]
EVERYWHERE = {Reach.ALL}
RECORD = "_id}"
OWN_TASKS = {"POST /api/v1/funds/reconciliations"}
"""Addresses that only wake a task the service runs by itself, over all regions, deciding by facts alone."""
ELSEWHERE = ("/webhooks/", "/clients/")
"""Records that one row in every table does not make: a webhook wants its cursor, a machine is not a person."""
OPERATORS = {f"GET /api/v1/{name}/log/cursors" for name in STORING}
"""Addresses about the installation, not about a region."""


@pytest.fixture
async def filled(doors: Doors, service: str) -> Doors:
    """A service with one row in every table, all in one village."""
    database: Database = doors.apps[service].state.context.database
    document = doors.apps[service].openapi()
    async with database.writer.begin() as connection:
        if database.dialect == "sqlite":
            await connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        await connection.run_sync(lambda one: fill(service, one, document))
    return doors


def _scoped(one: Operation, role: Role) -> bool:
    return not one.public and bool(one.mays) and one.allows(role) and not one.reaches(role) & EVERYWHERE


OF_A_KIND = {
    "GET /api/v1/users/{account_id}",
    "GET /api/v1/clients/{account_id}",
    "GET /api/v1/funds/webhooks/{webhook_id}",
    "GET /api/v1/projects/imports/{job_id}/workbook",
}
"""Addresses that answer rows of one kind, one maker or one stage only, which a made-up row is not of."""


async def _figures(doors: Doors, service: str) -> dict[str, Any]:
    """Everything in the tables that know regions."""
    database: Database = doors.apps[service].state.context.database
    found = {}
    async with database.read() as session:
        connection = await session.connection()
        for table in base_of(service).metadata.sorted_tables:
            if "region" in table.c:
                rows = await connection.execute(sa.select(table).where(table.c.region == INSIDE))
                found[table.name] = [tuple(row) for row in rows]
    return found


@pytest.mark.parametrize("service", STORING)
async def test_outside_their_regions_nobody_sees_or_changes_anything(filled: Doors, service: str) -> None:
    before = await _figures(filled, service)
    wrong = []
    for role in Role:
        caller = Caller(filled, service, role, OUTSIDE)
        for one in operations(service, filled.apps[service]):
            if not _scoped(one, role) or str(one) in OWN_TASKS:
                continue
            answer = await caller.call(one)
            seen = (MARK in answer.text or INSIDE in answer.text) and str(one) not in OPERATORS
            done = answer.is_success and RECORD in one.path and one.method != "get"
            if seen or done or answer.status_code in {401, 500}:
                wrong.append(f"{one} as {role}: {answer.status_code} {answer.text[:200]}")
    after = await _figures(filled, service)

    assert any(before.values())
    assert not wrong
    assert {name for name in after if after[name] != before[name]} == set()


@pytest.mark.parametrize("service", STORING)
async def test_inside_their_regions_they_see_every_record(filled: Doors, service: str) -> None:
    """The same rows, seen from inside: or the test above would pass on an empty database too.

    A made-up row need not make sense to who reads it; being let in is what is asked here.
    """
    turned_away, seen = [], 0
    for role in Role:
        caller = Caller(filled, service, role, INSIDE)
        for one in operations(service, filled.apps[service]):
            if (
                one.method != "get"
                or RECORD not in one.path
                or any(part in one.path for part in ELSEWHERE)
                or Reach.BELOW not in one.reaches(role)
            ):
                continue
            answer = await caller.call(one)
            seen += answer.status_code == 200
            if answer.status_code in {401, 403, 404} and str(one) not in OF_A_KIND:
                turned_away.append(f"{one} as {role}: {answer.status_code} {answer.text[:200]}")

    assert not turned_away
    assert seen
