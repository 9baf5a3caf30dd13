"""Machine clients: scopes, secrets, and limits of what a machine may do."""

import httpx
import sqlalchemy as sa

from shared.db import answer, execute_core
from tests.clients import SystemUnderTest
from tests.identity.factories_identity import DISTRICT, bearer_header, request_token

Client = httpx.AsyncClient
CLIENT_BODY = {
    "id": "tax.office",
    "name": "税务系统",
    "region": DISTRICT,
    "scopes": ["fund:read", "file:read"],
}


async def _sign_in_client(anyone: Client, secret: str) -> httpx.Response:
    return await request_token(anyone, "client_credentials", client_id="tax.office", client_secret=secret)


async def test_a_client_may_what_its_scopes_say(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    made = (await admin.post("/clients", json=CLIENT_BODY)).json()
    tokens = bearer_header((await _sign_in_client(anyone, made["secret"])).json())
    funds = doors.service("funds").anonymous_client()

    assert made["scopes"] == ["file:read", "fund:read"]
    assert (await funds.get("/funds/sources", headers=tokens)).status_code == 200
    assert (await funds.post("/funds/sources", json={}, headers=tokens)).status_code == 403


async def test_a_client_without_scopes_left_may_nothing(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    made = await admin.post("/clients", json=CLIENT_BODY)
    tag = {"If-Match": made.headers["etag"]}
    narrowed = await admin.patch("/clients/tax.office", json={"scopes": ["file:read"]}, headers=tag)
    tokens = bearer_header((await _sign_in_client(anyone, made.json()["secret"])).json())

    assert narrowed.json()["scopes"] == ["file:read"]
    assert (
        await doors.service("funds").anonymous_client().get("/funds/sources", headers=tokens)
    ).status_code == 403


async def test_a_client_may_ask_for_less_and_for_no_more(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    secret = (await admin.post("/clients", json=CLIENT_BODY)).json()["secret"]
    who = {"client_id": "tax.office", "client_secret": secret}
    less = await request_token(anyone, "client_credentials", **who, scope="file:read")
    more = await request_token(anyone, "client_credentials", **who, scope="file:read asset:read")
    funds = doors.service("funds").anonymous_client()

    assert less.json()["scope"] == "file:read"
    assert (await funds.get("/funds/sources", headers=bearer_header(less.json()))).status_code == 403
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")
    assert "asset:read" in more.json()["error_description"]


async def test_no_client_gets_what_machines_may_not(admin: Client) -> None:
    refused = await admin.post("/clients", json={**CLIENT_BODY, "scopes": ["plan:approve"]})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/scopes"


async def test_a_new_secret_ends_the_old_one(anyone: Client, admin: Client) -> None:
    made = await admin.post("/clients", json=CLIENT_BODY)
    tag = {"If-Match": made.headers["etag"]}
    renewed = await admin.post("/clients/tax.office/secret", headers=tag)

    assert (await _sign_in_client(anyone, made.json()["secret"])).status_code == 401
    assert (await _sign_in_client(anyone, renewed.json()["secret"])).status_code == 200


async def test_a_disabled_client_is_out(anyone: Client, admin: Client) -> None:
    made = await admin.post("/clients", json=CLIENT_BODY)
    tag = {"If-Match": made.headers["etag"]}
    await admin.patch("/clients/tax.office", json={"disabled": True}, headers=tag)

    assert (await _sign_in_client(anyone, made.json()["secret"])).status_code == 401


async def test_a_secret_is_answered_once_and_not_stored(doors: SystemUnderTest, admin: Client) -> None:
    key = {"Idempotency-Key": "once-and-no-more"}
    made = await admin.post("/clients", json=CLIENT_BODY, headers=key)
    again = await admin.post("/clients", json=CLIENT_BODY, headers=key)
    async with doors.apps["identity"].state.context.database.read() as session:
        stored_answers = (
            await execute_core(session, sa.select(sa.func.count()).select_from(answer))
        ).scalar_one()

    assert (made.status_code, again.status_code) == (201, 409)
    assert made.headers["cache-control"] == "no-store"
    assert stored_answers == 0
    assert "secret" not in (await admin.get("/clients/tax.office")).json()


async def test_people_and_machines_are_kept_apart(admin: Client) -> None:
    await admin.post("/clients", json=CLIENT_BODY)

    assert (await admin.get("/users/tax.office")).status_code == 404
    assert (await admin.get("/clients/finance")).status_code == 404
    assert {client["id"] for client in (await admin.get("/clients")).json()["items"]} == {
        "finance-bureau",
        "tax.office",
    }
