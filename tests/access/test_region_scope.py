"""What lies outside a caller's regions is as if it were not there, at every address that takes or lists a record."""

from typing import Any

import pytest
import sqlalchemy as sa

from embedded.system import list_services
from shared.auth import Reach, Role
from shared.db import Database
from shared.db.migrate import has_database, load_base
from tests.access.operations import Operation, RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE, REGION_OUTSIDE, SAMPLE_TEXT, fill_with_sample_rows
from tests.clients import SystemUnderTest

SERVICES_WITH_DATABASE = [name for name in list_services() if has_database(name)]
UNSCOPED_REACH = {Reach.ALL}
RECORD_PARAMETER = "_id}"
SELF_SCOPED_OPERATIONS = {"POST /api/v1/funds/reconciliations"}
"""Addresses that only wake a task the service runs by itself, over all regions, deciding by facts alone."""
SEPARATELY_TESTED_PATHS = ("/webhooks/", "/clients/", "/files/{", "/uploads/{", "/table-imports/")
"""Records that one row in every table does not make: a webhook wants its cursor, a machine is not a person, a table import
is of whoever may import its kind, a file is read by who sent it or reads a record with it (test_file_access.py)."""
OPERATOR_OPERATIONS = {f"GET /api/v1/{name}/log/cursors" for name in SERVICES_WITH_DATABASE}
"""Addresses about the installation, not about a region."""


SERVICES_OF_OWN_RECORDS = {"files", "sync"}
"""Services in which everybody sees only what is their own: nobody is let in by a region (tests/sync)."""


@pytest.fixture
async def filled(doors: SystemUnderTest, service: str) -> SystemUnderTest:
    """A service with one row in every table, all in one village."""
    await fill_with_sample_rows(doors, service)
    return doors


def _is_region_scoped(one: Operation, role: Role) -> bool:
    return (
        not one.is_public
        and bool(one.permissions)
        and one.allows_role(role)
        and not one.get_reach(role) & UNSCOPED_REACH
    )


KIND_SCOPED_OPERATIONS = {
    "GET /api/v1/users/{account_id}",
    "GET /api/v1/clients/{account_id}",
    "GET /api/v1/funds/webhooks/{webhook_id}",
    "GET /api/v1/projects/imports/{job_id}/workbook",
}
"""Addresses that answer rows of one kind, one maker or one stage only, which a made-up row is not of."""


async def _read_regional_rows(doors: SystemUnderTest, service: str) -> dict[str, Any]:
    """Everything in the tables that know regions."""
    database: Database = doors.apps[service].state.context.database
    found = {}
    async with database.read() as session:
        connection = await session.connection()
        for table in load_base(service).metadata.sorted_tables:
            if "region" in table.c:
                rows = await connection.execute(sa.select(table).where(table.c.region == REGION_INSIDE))
                found[table.name] = [tuple(row) for row in rows]
    return found


async def _scan_alerts(doors: SystemUnderTest, service: str) -> None:
    """Raise what the rows give reason for: a scan is about all regions, whoever asks for it."""
    for one in list_operations(service, doors.apps[service]):
        if one.path.endswith("/alerts/sweep"):
            for role in Role:
                await RoleClient(doors, service, role, REGION_INSIDE).send_request(one)


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE)
async def test_outside_their_regions_nobody_sees_or_changes_anything(
    filled: SystemUnderTest, service: str
) -> None:
    await _scan_alerts(filled, service)
    before = await _read_regional_rows(filled, service)
    wrong = []
    for role in Role:
        caller = RoleClient(filled, service, role, REGION_OUTSIDE)
        for one in list_operations(service, filled.apps[service]):
            if not _is_region_scoped(one, role) or str(one) in SELF_SCOPED_OPERATIONS:
                continue
            answer = await caller.send_request(one)
            seen = (SAMPLE_TEXT in answer.text or REGION_INSIDE in answer.text) and str(
                one
            ) not in OPERATOR_OPERATIONS
            done = answer.is_success and RECORD_PARAMETER in one.path and one.method != "get"
            if seen or done or answer.status_code in {401, 500}:
                wrong.append(f"{one} as {role}: {answer.status_code} {answer.text[:200]}")
    after = await _read_regional_rows(filled, service)

    assert any(before.values())
    assert not wrong
    assert {name for name in after if after[name] != before[name]} == set()


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE)
async def test_inside_their_regions_they_see_every_record(filled: SystemUnderTest, service: str) -> None:
    """The same rows, seen from inside: or the test above would pass on an empty database too.

    A made-up row need not make sense to who reads it; being let in is what is asked here.
    """
    turned_away, seen = [], 0
    for role in Role:
        caller = RoleClient(filled, service, role, REGION_INSIDE)
        for one in list_operations(service, filled.apps[service]):
            if (
                one.method != "get"
                or RECORD_PARAMETER not in one.path
                or any(part in one.path for part in SEPARATELY_TESTED_PATHS)
                or Reach.BELOW not in one.get_reach(role)
            ):
                continue
            answer = await caller.send_request(one)
            seen += answer.status_code == 200
            if answer.status_code in {401, 403, 404} and str(one) not in KIND_SCOPED_OPERATIONS:
                turned_away.append(f"{one} as {role}: {answer.status_code} {answer.text[:200]}")

    assert not turned_away
    assert seen or service in SERVICES_OF_OWN_RECORDS
