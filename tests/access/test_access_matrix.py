"""Default deny, checked at every address for every role."""

import httpx
import pytest

from embedded.system import list_services
from shared.auth import Reach, Role
from tests.access.operations import Operation, RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE
from tests.clients import SystemUnderTest

SERVICES = list_services()
GATEWAY = "gateway"
"""The one service the world reaches: what our services say to one another is refused there."""
JUDGES_OF_CREDENTIALS = {"/internal/client-sign-ins"}
"""401 is their answer about the credentials they are asked about."""
PROBLEM_MEDIA_TYPE = "application/problem+json"


@pytest.mark.parametrize("service", SERVICES)
async def test_without_login_only_public_addresses_answer(doors: SystemUnderTest, service: str) -> None:
    nobody = RoleClient(doors, service, None, REGION_INSIDE)
    wrong = []
    for one in list_operations(service, doors.apps[service]):
        answer = await nobody.send_request(one)
        refused = answer.status_code == 401
        if refused is one.is_public and not one.path.endswith("/auth/token"):
            wrong.append(f"{one} → {answer.status_code}")
        if not one.is_public:
            assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE, one
            assert answer.headers["www-authenticate"].startswith("Bearer"), one

    assert not wrong


@pytest.mark.parametrize("service", SERVICES)
async def test_a_role_is_let_in_where_the_table_says_and_nowhere_else(
    doors: SystemUnderTest, service: str
) -> None:
    guarded = [one for one in list_operations(service, doors.apps[service]) if not one.is_public]
    wrong = []
    for role in Role:
        caller = RoleClient(doors, service, role, REGION_INSIDE)
        for one in guarded:
            answer = await caller.send_request(one)
            status = answer.status_code
            if role is Role.SERVICE and service == GATEWAY:
                if status != 401:
                    wrong.append(f"{one} took a token of our own services from outside: {status}")
            elif not one.allows_role(role):
                if status != 403 or answer.json()["type"] != "/problems/forbidden":
                    wrong.append(f"{one} let {role} in: {status}")
            elif status in (
                {500} if one.path in JUDGES_OF_CREDENTIALS else {401, 500}
            ) or _is_denied_by_permission(answer, one, role):
                wrong.append(f"{one} turned {role} away: {status} {answer.text[:200]}")

    assert not wrong


def _is_denied_by_permission(answer: httpx.Response, one: Operation, role: Role) -> bool:
    """Whether the door itself refused, though the role has one of the permissions that open it."""
    words = "、".join(f"“{may.label}”" for may in one.permissions)
    return f"您的角色没有{words}权限" in answer.text and one.get_reach(role) != {Reach.SELF}


@pytest.mark.parametrize("service", SERVICES)
async def test_no_address_is_without_a_permission(doors: SystemUnderTest, service: str) -> None:
    silent = [str(one) for one in list_operations(service, doors.apps[service]) if not one.permission_labels]

    assert not silent
