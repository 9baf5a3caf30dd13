"""Organisations: readable by every signed-in caller, managed by administrators."""

from uuid import uuid4

import httpx

from tests.clients import SystemUnderTest
from tests.identity.factories_identity import DISTRICT, TOWN, VILLAGE, bearer_header, build_account, sign_in

Client = httpx.AsyncClient


def build_organisation(**changes: object) -> dict[str, object]:
    return {"name": "黄羊镇人民政府", "kind": "town", "region": TOWN, **changes}


async def test_an_organisation_is_entered_and_found(doors: SystemUnderTest, admin: Client) -> None:
    made = (await admin.post("/organisations", json=build_organisation())).json()
    clerk = doors.service("identity").client_as("village_clerk")
    found = (await clerk.get("/organisations", params={"q": "黄羊"})).json()["items"]
    elsewhere = (await clerk.get("/organisations", params={"region": "620602101000"})).json()["items"]

    assert [organisation["id"] for organisation in found] == [made["id"]]
    assert elsewhere == []
    assert (await clerk.get(f"/organisations/{made['id']}")).json()["name"] == "黄羊镇人民政府"


async def test_an_account_belongs_to_an_organisation(anyone: Client, admin: Client) -> None:
    made = (await admin.post("/organisations", json=build_organisation())).json()
    account = (await admin.post("/users", json=build_account(organisation_id=made["id"]))).json()
    tokens = await sign_in(anyone, "zhang.san", "Hexi-Corridor-71")
    me = (await anyone.get("/auth/me", headers=bearer_header(tokens))).json()
    nowhere = await admin.post("/users", json=build_account(id="li.si", organisation_id=str(uuid4())))

    assert (account["organisation_id"], account["organisation"]) == (made["id"], "黄羊镇人民政府")
    assert me["organisation"] == "黄羊镇人民政府"
    assert nowhere.status_code == 404


async def test_the_same_organisation_entered_twice_is_one(admin: Client) -> None:
    same = build_organisation(id="018f9000-0000-7000-8000-000000000001")
    first, second = (
        await admin.post("/organisations", json=same),
        await admin.post("/organisations", json=same),
    )
    other = await admin.post("/organisations", json={**same, "name": "黄羊镇政府"})

    assert (first.status_code, second.json()["id"], other.status_code) == (201, first.json()["id"], 409)


async def test_a_wrong_credit_code_is_refused(admin: Client) -> None:
    answer = await admin.post("/organisations", json=build_organisation(credit_code="116206026000000000"))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/credit_code"


async def test_a_town_administrator_keeps_their_own(doors: SystemUnderTest, admin: Client) -> None:
    town = doors.service("identity").client_as("admin", TOWN)
    bureau = await admin.post(
        "/organisations", json=build_organisation(name="区乡村振兴局", kind="bureau", region=DISTRICT)
    )
    own = await town.post(
        "/organisations", json=build_organisation(name="黄羊村委会", kind="village", region=VILLAGE)
    )
    tag = {"If-Match": own.headers["etag"]}
    closed = await town.patch(f"/organisations/{own.json()['id']}", json={"closed": True}, headers=tag)
    tag = {"If-Match": bureau.headers["etag"]}
    refused = await town.patch(f"/organisations/{bureau.json()['id']}", json={"closed": True}, headers=tag)

    assert (closed.json()["closed"], refused.status_code) == (True, 404)


async def test_others_do_not_change_the_directory(doors: SystemUnderTest) -> None:
    assert (
        await doors.service("identity").client_as("bureau").post("/organisations", json=build_organisation())
    ).status_code == 403
