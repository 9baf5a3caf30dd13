"""No read sends more SQL statements than its route's budget, whoever asks; writes: tests/journeys/test_statement_budgets.py."""

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from embedded.system import list_services
from shared.auth import Role
from shared.db.migrate import has_database
from tests.access.operations import RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE, fill_with_sample_rows
from tests.clients import SystemUnderTest
from tests.statement_ledger import READ_BUDGET, WRITE_BUDGET, StatementLedger, get_budget

SERVICES_WITH_DATABASE = [name for name in list_services() if has_database(name)]
LEAST_SHARE = 0.6
"""Of the reads of a service, how many must have been answered: made-up rows do not make sense to all."""


@pytest.fixture
async def filled(doors: SystemUnderTest, service: str) -> SystemUnderTest:
    """A service with one row in every table, all in one village."""
    await fill_with_sample_rows(doors, service)
    return doors


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE)
async def test_no_read_exceeds_its_budget(
    filled: SystemUnderTest, service: str, statement_ledger: StatementLedger
) -> None:
    reads = [one for one in list_operations(service, filled.apps[service]) if one.method == "get"]
    answered = set()
    for role in Role:
        caller = RoleClient(filled, service, role, REGION_INSIDE)
        for one in reads:
            if (await caller.send_request(one)).is_success:
                answered.add(str(one))

    assert not statement_ledger.excesses, "\n".join(statement_ledger.excesses)
    assert len(answered) >= LEAST_SHARE * len(reads), sorted({str(one) for one in reads} - answered)


def test_no_route_names_a_budget_it_has_anyway(doors: SystemUnderTest) -> None:
    idle = [
        f"{name} {context.path}"
        for name, app in doors.apps.items()
        for context in iter_route_contexts(app.routes)
        if isinstance(route := context.original_route, APIRoute)
        and getattr(route, "statement_budget", None) is not None
        and get_budget(route) <= (READ_BUDGET if route.methods == {"GET"} else WRITE_BUDGET)
    ]

    assert not idle
