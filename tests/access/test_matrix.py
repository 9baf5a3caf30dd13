"""Default deny, checked at every address for every role."""

import httpx
import pytest

from embedded.system import service_names
from shared.permissions import Reach, Role
from tests.access.calls import Caller, Operation, operations
from tests.access.samples import INSIDE
from tests.doors import Doors

SERVICES = service_names()
DOOR = "gateway"
"""The one service the world reaches: what our services say to one another is refused there."""
PROBLEM = "application/problem+json"


@pytest.mark.parametrize("service", SERVICES)
async def test_without_login_only_public_addresses_answer(doors: Doors, service: str) -> None:
    nobody = Caller(doors, service, None, INSIDE)
    wrong = []
    for one in operations(service, doors.apps[service]):
        answer = await nobody.call(one)
        refused = answer.status_code == 401
        if refused is one.public and not one.path.endswith("/auth/token"):
            wrong.append(f"{one} → {answer.status_code}")
        if not one.public:
            assert answer.headers["content-type"] == PROBLEM, one
            assert answer.headers["www-authenticate"].startswith("Bearer"), one

    assert not wrong


@pytest.mark.parametrize("service", SERVICES)
async def test_a_role_is_let_in_where_the_table_says_and_nowhere_else(doors: Doors, service: str) -> None:
    guarded = [one for one in operations(service, doors.apps[service]) if not one.public]
    wrong = []
    for role in Role:
        caller = Caller(doors, service, role, INSIDE)
        for one in guarded:
            answer = await caller.call(one)
            status = answer.status_code
            if role is Role.SERVICE and service == DOOR:
                if status != 401:
                    wrong.append(f"{one} took a token of our own services from outside: {status}")
            elif not one.allows(role):
                if status != 403 or answer.json()["type"] != "/problems/forbidden":
                    wrong.append(f"{one} let {role} in: {status}")
            elif status in {401, 500} or _turned_away(answer, one, role):
                wrong.append(f"{one} turned {role} away: {status} {answer.text[:200]}")

    assert not wrong


def _turned_away(answer: httpx.Response, one: Operation, role: Role) -> bool:
    """Whether the door itself refused, though the role has one of the permissions that open it."""
    words = "、".join(f"“{may.label}”" for may in one.mays)
    return f"您的角色没有{words}权限" in answer.text and one.reaches(role) != {Reach.SELF}


@pytest.mark.parametrize("service", SERVICES)
async def test_no_address_is_without_a_permission(doors: Doors, service: str) -> None:
    silent = [str(one) for one in operations(service, doors.apps[service]) if not one.words]

    assert not silent
