"""null in a PATCH: it empties a field that may be empty, is refused with a pointer elsewhere, and never fails the service."""

import httpx
import pytest

from embedded.system import list_services
from shared.auth import Reach, Role
from shared.db.migrate import has_database
from shared.http import PatchBody
from tests.access.operations import Operation, RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE
from tests.access.test_region_scope import filled as filled  # noqa: PLC0414 - a fixture
from tests.clients import SystemUnderTest

REFUSAL = "不能为空"
SERVICES_WITH_DATABASE = [name for name in list_services() if has_database(name)]


def get_body_name(one: Operation) -> str:
    """The name of the body's shape."""
    shape = one.spec["requestBody"]["content"]["application/json"]["schema"]
    return str(shape["$ref"]).rpartition("/")[2]


def list_patches(doors: SystemUnderTest, service: str) -> list[tuple[Operation, type[PatchBody]]]:
    """Every PATCH address with the class of its body."""
    classes = {one.__name__: one for one in PatchBody.__subclasses__()}
    patches = [
        one
        for one in list_operations(service, doors.apps[service])
        if one.method == "patch" and "application/json" in one.spec["requestBody"]["content"]
    ]
    others = [str(one) for one in patches if get_body_name(one) not in classes]
    assert not others, "their bodies are no PatchBody"
    return [(one, classes[get_body_name(one)]) for one in patches]


def _choose_role(one: Operation) -> Role:
    """A role that may, in its regions if there is one."""
    return min(
        (role for role in Role if one.allows_role(role)), key=lambda role: one.get_reach(role) == {Reach.SELF}
    )


async def _send(doors: SystemUnderTest, service: str, one: Operation, name: str) -> httpx.Response:
    caller = RoleClient(doors, service, _choose_role(one), REGION_INSIDE)
    return await caller.send_request(one, json={name: None}, headers={"If-Match": '"1"'})


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE)
async def test_null_empties_what_may_be_empty_and_is_refused_elsewhere(
    filled: SystemUnderTest, service: str
) -> None:
    wrong = []
    for one, body in list_patches(filled, service):
        assert body.clearable <= set(body.model_fields), one
        for name in body.model_fields:
            answer = await _send(filled, service, one, name)
            if name in body.clearable:
                if answer.status_code >= 500 or REFUSAL in answer.text:
                    wrong.append(f"{one} {name}: null → {answer.status_code} {answer.text[:200]}")
            elif answer.status_code != 422 or [e["pointer"] for e in answer.json()["errors"]] != [f"/{name}"]:
                wrong.append(f"{one} {name}: null → {answer.status_code} {answer.text[:200]}")

    assert not wrong, "\n".join(["", *wrong])


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE)
def test_the_document_says_which_fields_null_may_empty(doors: SystemUnderTest, service: str) -> None:
    shapes = doors.apps[service].openapi()["components"]["schemas"]
    for _, body in list_patches(doors, service):
        fields = shapes[body.__name__]["properties"]
        nullable = {name for name, one in fields.items() if {"type": "null"} in one.get("anyOf", [])}
        assert nullable == body.clearable, body.__name__
