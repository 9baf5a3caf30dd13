"""Grants of the roles that a district names wait for a second administrator."""

from typing import Any

import httpx
import pytest

from shared.auth import NATION_CODE
from tests.clients import TOWN, SystemUnderTest
from tests.identity.factories_identity import (
    build_account,
    build_security_rule,
    request_token,
    set_security_rule,
)

APPROVING = {"role": "town_officer", "region": TOWN}
ORDINARY = {"role": "village_clerk", "region": TOWN}


@pytest.fixture
async def admin(doors: SystemUnderTest) -> httpx.AsyncClient:
    """An administrator of a district where the right to approve money needs two."""
    await set_security_rule(
        doors, build_security_rule(doors, "auth.confirmed_roles", ["town_officer", "finance"])
    )
    return doors.service("identity").client_as("admin", person="keeper")


async def _open(admin: httpx.AsyncClient, *grants: dict[str, Any]) -> str:
    body = build_account(grants=list(grants))
    made = await admin.post("/users", json=body)
    assert made.status_code == 201, made.text
    return f"/users/{made.json()['id']}"


async def _confirm(client: httpx.AsyncClient, address: str) -> httpx.Response:
    tag = (await client.get(address)).headers["etag"]
    return await client.post(f"{address}/confirm-grants", headers={"If-Match": tag})


async def _list_roles(anyone: httpx.AsyncClient, account: str, password: str) -> list[str]:
    """The roles of an account after it has replaced the password that an administrator gave it."""
    first = (await request_token(anyone, username=account, password=password)).json()
    token = {"Authorization": f"Bearer {first['access_token']}"}
    own = f"{password}-own"
    if (await anyone.get("/auth/me", headers=token)).json()["must_change"]:
        body = {"old": password, "new": own}
        assert (await anyone.post("/auth/password", json=body, headers=token)).status_code == 204
        first = (await request_token(anyone, username=account, password=own)).json()
        token = {"Authorization": f"Bearer {first['access_token']}"}
    return [one["role"] for one in (await anyone.get("/auth/me", headers=token)).json()["grants"]]


async def test_an_approving_role_counts_when_a_second_person_has_confirmed_it(
    doors: SystemUnderTest, admin: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    body = build_account(grants=[APPROVING, ORDINARY])
    address = await _open(admin, APPROVING, ORDINARY)
    before = await _list_roles(anyone, body["id"], body["password"])
    shown = [one["waiting"] for one in (await admin.get(address)).json()["grants"]]
    alone = await _confirm(admin, address)
    second = doors.service("identity").client_as("security_admin", person="an.quan")
    waiting = {
        client: [one["id"] for one in (await client.get("/users", params={"waiting": True})).json()["items"]]
        for client in (admin, second)
    }
    confirmed = await _confirm(second, address)

    assert (before, shown) == (["village_clerk"], [True, False])
    assert (alone.status_code, confirmed.status_code) == (403, 200)
    account = address.rpartition("/")[2]
    assert (account in waiting[admin], account in waiting[second]) == (False, True), "only who may confirm"
    assert (await second.get("/users", params={"waiting": True})).json()["items"] == []
    assert sorted(await _list_roles(anyone, body["id"], f"{body['password']}-own")) == [
        "town_officer",
        "village_clerk",
    ]
    assert (await _confirm(second, address)).status_code == 409
    for role in ("bureau", "finance", "auditor", "leader"):
        client = doors.service("identity").client_as(role)
        refused = await client.post(f"{address}/confirm-grants", headers={"If-Match": '"1"'})
        assert refused.status_code == 403, role


async def test_the_rule_of_the_place_holds_for_an_administrator_of_the_whole_installation(
    doors: SystemUnderTest, admin: httpx.AsyncClient
) -> None:
    everywhere = doors.service("identity").client_as("admin", NATION_CODE, person="keeper.of.all")
    shown = (await everywhere.get(await _open(everywhere, APPROVING, ORDINARY))).json()["grants"]
    assert [one["waiting"] for one in shown] == [True, False]


async def test_who_resets_the_password_does_not_get_the_role(
    doors: SystemUnderTest, admin: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    address = await _open(admin, APPROVING, ORDINARY)
    second = doors.service("identity").client_as("security_admin", person="an.quan")
    assert (await _confirm(second, address)).status_code == 200
    tag = (await admin.get(address)).headers["etag"]
    reset = await admin.patch(address, json={"password": "Reset-by-one-93"}, headers={"If-Match": tag})

    assert reset.status_code == 200, reset.text
    assert await _list_roles(anyone, address.rpartition("/")[2], "Reset-by-one-93") == ["village_clerk"]


async def test_confirmed_grants_stay_when_others_are_added(
    doors: SystemUnderTest, admin: httpx.AsyncClient
) -> None:
    address = await _open(admin, APPROVING)
    second = doors.service("identity").client_as("security_admin", person="an.quan")
    assert (await _confirm(second, address)).status_code == 200
    tag = (await admin.get(address)).headers["etag"]
    changed = await admin.patch(address, json={"grants": [APPROVING, ORDINARY]}, headers={"If-Match": tag})

    assert changed.status_code == 200, changed.text
    assert [one["waiting"] for one in changed.json()["grants"]] == [False, False]
