"""Two accounts can be one person: four eyes and separation of duties look at the person."""

import json
from typing import Any

import httpx
import pytest
from joserfc import jws

from tests.clients import TOWN, SystemUnderTest
from tests.identity.factories_identity import build_account, sign_in

Client = httpx.AsyncClient


async def _create(admin: Client, name: str, role: str = "town_officer") -> None:
    body = build_account(id=name, grants=[{"role": role, "region": TOWN}])
    answer = await admin.post("/users", json=body)
    assert answer.status_code == 201, answer.text


async def _set_person(admin: Client, account: str, **body: Any) -> httpx.Response:
    tag = (await admin.get(f"/users/{account}")).headers["etag"]
    return await admin.put(f"/users/{account}/person", json=body, headers={"If-Match": tag})


def _read_claims(tokens: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(jws.extract_compact(tokens["access_token"].encode()).payload)
    return claims


async def test_an_account_is_a_person_of_its_own_until_somebody_says_otherwise(
    admin: Client, anyone: Client
) -> None:
    await _create(admin, "zhang_a")
    read = (await admin.get("/users/zhang_a")).json()
    claims = _read_claims(await sign_in(anyone, "leader"))

    assert (read["person_id"], read["person_name"]) == ("zhang_a", "")
    assert claims["person"] == "leader"
    assert "accounts" not in claims


async def test_two_accounts_become_one_person_with_a_name(admin: Client, anyone: Client) -> None:
    await _create(admin, "zhang_a")
    linked = await _set_person(admin, "leader", same_as="zhang_a", name="张三")
    claims = _read_claims(await sign_in(anyone, "leader"))

    assert linked.status_code == 200, linked.text
    for account in ("leader", "zhang_a"):
        read = (await admin.get(f"/users/{account}")).json()
        assert (read["person_id"], read["person_name"]) == ("zhang_a", "张三")
    assert (claims["sub"], claims["person"], claims["accounts"]) == ("leader", "zhang_a", ["zhang_a"])


@pytest.mark.parametrize("leaving", ["zhang_a", "zhang_b"])
async def test_accounts_are_separated_again(admin: Client, leaving: str) -> None:
    await _create(admin, "zhang_a")
    await _create(admin, "zhang_b")
    await _set_person(admin, "zhang_b", same_as="zhang_a")
    separated = await _set_person(admin, leaving)

    persons = [(await admin.get(f"/users/{one}")).json()["person_id"] for one in ("zhang_a", "zhang_b")]
    assert separated.status_code == 200
    assert persons == ["zhang_a", "zhang_b"]


async def test_one_person_does_not_hold_roles_that_exclude_each_other_by_two_accounts(admin: Client) -> None:
    await _create(admin, "zhang_a")
    await _create(admin, "zhang_b", "auditor")
    refused = await _set_person(admin, "zhang_b", same_as="zhang_a")
    await _create(admin, "zhang_c")
    await _set_person(admin, "zhang_c", same_as="zhang_a")
    tag = (await admin.get("/users/zhang_c")).headers["etag"]
    grants = [{"role": "auditor", "region": TOWN}]
    granted = await admin.patch("/users/zhang_c", json={"grants": grants}, headers={"If-Match": tag})

    assert refused.status_code == 422, refused.text
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "separation_of_duties")
    assert (granted.status_code, granted.json()["errors"][0]["code"]) == (422, "separation_of_duties")


async def test_nobody_changes_the_person_behind_their_own_account(admin: Client) -> None:
    await _create(admin, "zhang_a")
    await _create(admin, "keeper")
    by_own = await _set_person(admin, "keeper", same_as="zhang_a")
    by_other = await _set_person(admin, "zhang_a", same_as="keeper")

    assert (by_own.status_code, by_other.status_code) == (403, 403)


async def test_who_does_not_keep_accounts_says_nothing_about_persons(
    doors: SystemUnderTest, admin: Client
) -> None:
    await _create(admin, "zhang_a")
    tag = {"If-Match": (await admin.get("/users/zhang_a")).headers["etag"]}
    leader = doors.service("identity").client_as("leader")

    answer = await leader.put("/users/zhang_a/person", json={"same_as": "leader"}, headers=tag)
    assert answer.status_code in {403, 404}
