"""Sessions: listed, ended at once everywhere, idle limit, number; lock-outs that hit nobody else; password quality."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.identity.sessions import service as sessions
from shared.app.factory import follow_revocations
from shared.auth.tokens import NO_REVOCATIONS
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.identity.factories_identity import (
    DISTRICT,
    PASSWORD,
    TOWN,
    bearer_header,
    build_account,
    refresh_tokens,
    request_token,
    sign_in,
)
from tests.identity.test_second_factor import OWN, make_account

Client = httpx.AsyncClient


def client_from(doors: SystemUnderTest, address: str) -> Client:
    """A client without sign-in at a network address."""
    transport = httpx.ASGITransport(
        doors.apps["identity"], client=(address, 1234), raise_app_exceptions=False
    )
    return httpx.AsyncClient(transport=transport, base_url="http://test/api/v1")


async def follow(doors: SystemUnderTest) -> None:
    """Every service asks identity what ended."""
    for name in ("identity", "funds"):
        doors.apps[name].state.context.verifier.revocations = NO_REVOCATIONS
        await follow_revocations(doors.apps[name].state.context)


@pytest.fixture(autouse=True)
def _forget_revocations(doors: SystemUnderTest) -> Any:
    yield
    for app in doors.apps.values():
        app.state.context.verifier.revocations = NO_REVOCATIONS


async def test_a_person_sees_and_ends_their_sessions(doors: SystemUnderTest, anyone: Client) -> None:
    phone = await sign_in(client_from(doors, "10.1.1.7"), "finance")
    desk = await sign_in(anyone, "finance")
    listed = (await anyone.get("/auth/sessions", headers=bearer_header(desk))).json()["items"]
    lost = next(one["id"] for one in listed if one["source"] == "10.1.1.7")
    ended = await anyone.delete(f"/auth/sessions/{lost}", headers=bearer_header(desk))

    assert (len(listed), ended.status_code) == (2, 204)
    assert (await refresh_tokens(anyone, phone)).status_code == 400
    assert (await refresh_tokens(anyone, desk)).status_code == 200


async def test_nobody_ends_the_session_of_somebody_else(anyone: Client) -> None:
    theirs = await sign_in(anyone, "leader")
    mine = bearer_header(await sign_in(anyone, "finance"))
    listed = (await anyone.get("/auth/sessions", headers=bearer_header(theirs))).json()["items"]

    assert (await anyone.delete(f"/auth/sessions/{listed[0]['id']}", headers=mine)).status_code == 404
    assert (await refresh_tokens(anyone, theirs)).status_code == 200


async def test_an_ended_session_is_refused_by_every_service(doors: SystemUnderTest, anyone: Client) -> None:
    finance = bearer_header(await sign_in(anyone, "finance"))
    leader = bearer_header(await sign_in(anyone, "leader"))
    funds = doors.service("funds").anonymous_client()
    before = await funds.get("/funds/sources", headers=finance)
    await anyone.post("/auth/logout", headers=finance)
    await follow(doors)
    after = await funds.get("/funds/sources", headers=finance)

    assert (before.status_code, after.status_code) == (200, 401)
    assert (await anyone.get("/auth/me", headers=finance)).status_code == 401
    assert (await funds.get("/funds/sources", headers=leader)).status_code == 200


async def test_services_are_told_of_an_ended_session_while_they_wait(
    doors: SystemUnderTest, anyone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LOOK_PAUSE_S", 0.05)
    finance = bearer_header(await sign_in(anyone, "finance"))
    await follow(doors)
    context = doors.apps["funds"].state.context
    waiting = asyncio.create_task(follow_revocations(context))
    answered, _ = await asyncio.wait({waiting}, timeout=0.1)
    await anyone.post("/auth/logout", headers=finance)
    async with asyncio.timeout(10):
        await waiting

    assert not answered
    refused = await doors.service("funds").anonymous_client().get("/funds/sources", headers=finance)
    assert refused.status_code == 401


async def test_a_disabled_account_is_out_of_every_service(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    finance = bearer_header(await sign_in(anyone, "finance"))
    tag = {"If-Match": (await admin.get("/users/finance")).headers["etag"]}
    await admin.patch("/users/finance", json={"disabled": True}, headers=tag)
    await follow(doors)

    assert (
        await doors.service("funds").anonymous_client().get("/funds/sources", headers=finance)
    ).status_code == 401


async def test_changed_grants_count_within_seconds_and_the_session_goes_on(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    tokens = await sign_in(anyone, "finance")
    tag = {"If-Match": (await admin.get("/users/finance")).headers["etag"]}
    cadre = [{"role": "cadre", "region": TOWN}]
    await admin.patch("/users/finance", json={"grants": cadre}, headers=tag)
    await follow(doors)
    old = await anyone.get("/auth/me", headers=bearer_header(tokens))
    fresh = await refresh_tokens(anyone, tokens)
    me = await anyone.get("/auth/me", headers=bearer_header(fresh.json()))

    assert old.status_code == 401
    assert [one["role"] for one in me.json()["grants"]] == ["cadre"]


async def test_an_administrator_ends_the_sessions_of_others(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    tokens = await sign_in(anyone, "finance")
    listed = await admin.get("/users/finance/sessions")
    ended = await admin.delete("/users/finance/sessions")
    outside = doors.service("identity").client_as("admin", TOWN)

    assert (len(listed.json()["items"]), ended.status_code) == (1, 204)
    assert (await refresh_tokens(anyone, tokens)).status_code == 400
    assert (await outside.delete("/users/finance/sessions")).status_code == 404


async def test_a_machine_that_is_disabled_is_out(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    secret = {"client_id": "finance-bureau", "client_secret": PASSWORD}
    machine = bearer_header((await request_token(anyone, "client_credentials", **secret)).json())
    funds = doors.service("funds").anonymous_client()
    before = await funds.get("/funds/sources", headers=machine)
    tag = {"If-Match": (await admin.get("/clients/finance-bureau")).headers["etag"]}
    await admin.patch("/clients/finance-bureau", json={"disabled": True}, headers=tag)
    await follow(doors)

    assert before.status_code == 200
    assert (await funds.get("/funds/sources", headers=machine)).status_code == 401


async def test_an_idle_session_of_a_privileged_person_ends(
    anyone: Client, admin: Client, clock: Clock
) -> None:
    await make_account(anyone, admin)
    tokens = (await request_token(anyone, username="zhang.san", password=OWN)).json()
    cadre = await sign_in(anyone, "cadre")
    clock.advance(timedelta(minutes=29))
    active = await refresh_tokens(anyone, tokens)
    clock.advance(timedelta(minutes=30))
    idle = await refresh_tokens(anyone, active.json())

    assert (active.status_code, idle.status_code) == (200, 400)
    assert (await refresh_tokens(anyone, cadre)).status_code == 200


async def test_a_session_ends_however_much_it_is_used(anyone: Client, admin: Client, clock: Clock) -> None:
    await make_account(anyone, admin)
    tokens = (await request_token(anyone, username="zhang.san", password=OWN)).json()
    cadre = await sign_in(anyone, "cadre")
    answers = []
    for _ in range(50):
        clock.advance(timedelta(minutes=29))
        answers.append(await refresh_tokens(anyone, tokens))
        tokens = answers[-1].json() if answers[-1].status_code == 200 else tokens

    hours = [(number + 1) * 29 / 60 for number, answer in enumerate(answers) if answer.status_code == 200]
    assert (23 < max(hours) < 24, len(hours)) == (True, 49)
    for _ in range(7):
        clock.advance(timedelta(days=12))
        cadre = (await refresh_tokens(anyone, cadre)).json()
    assert "access_token" in cadre
    clock.advance(timedelta(days=12))
    assert (await refresh_tokens(anyone, cadre)).status_code == 400


async def test_the_oldest_session_ends_when_there_are_too_many(anyone: Client, clock: Clock) -> None:
    first = await sign_in(anyone, "leader")
    for _ in range(10):
        clock.advance(timedelta(seconds=1))
        await sign_in(anyone, "leader")

    assert (await refresh_tokens(anyone, first)).status_code == 400


async def test_one_of_two_answers_to_a_repeated_refresh_is_good(anyone: Client, clock: Clock) -> None:
    first = await sign_in(anyone, "finance")
    lost = (await refresh_tokens(anyone, first)).json()
    again = (await refresh_tokens(anyone, first)).json()
    used = await refresh_tokens(anyone, again)
    stolen = await refresh_tokens(anyone, lost)

    assert (used.status_code, stolen.status_code) == (200, 400)
    assert (await refresh_tokens(anyone, used.json())).status_code == 400


async def _fail(client: Client, name: str, times: int = 5, **form: Any) -> list[str]:
    answers = [
        await request_token(client, username=name, password=f"guess-{number}", **form)
        for number in range(times)
    ]
    return [answer.json()["error_description"] for answer in answers]


async def test_failures_of_one_source_lock_out_nobody_else(doors: SystemUnderTest, anyone: Client) -> None:
    attacker = client_from(doors, "198.51.100.7")
    await _fail(attacker, "finance")
    locked = await request_token(attacker, username="finance", password=PASSWORD)
    owner = await request_token(anyone, username="finance", password=PASSWORD)

    assert (locked.status_code, owner.status_code) == (400, 200)


async def test_an_attack_from_many_places_locks_out_strangers_only(
    doors: SystemUnderTest, anyone: Client
) -> None:
    await sign_in(anyone, "finance")
    for number in range(10):
        await _fail(client_from(doors, f"198.51.100.{number}"), "finance")
    stranger = client_from(doors, "203.0.113.9")
    owner = await request_token(anyone, username="finance", password=PASSWORD)
    new_place = await request_token(stranger, username="finance", password=PASSWORD)

    assert (owner.status_code, new_place.status_code) == (200, 400)


async def test_addresses_of_one_subscriber_count_as_one(doors: SystemUnderTest) -> None:
    for number in range(5):
        await _fail(client_from(doors, f"2001:db8:1:2::{number}"), "finance", 1)
    answer = await request_token(
        client_from(doors, "2001:db8:1:2::99"), username="finance", password=PASSWORD
    )

    assert answer.status_code == 400


async def test_a_name_that_nobody_has_answers_like_one_that_somebody_has(anyone: Client) -> None:
    assert await _fail(anyone, "finance", 7) == await _fail(anyone, "nobody.here", 7)


async def test_a_machine_and_a_person_do_not_lock_one_another(anyone: Client) -> None:
    await _fail(anyone, "finance-bureau")
    secret = {"client_id": "finance-bureau", "client_secret": PASSWORD}

    assert (await request_token(anyone, "client_credentials", **secret)).status_code == 200


async def test_failures_and_resets_are_events(anyone: Client, admin: Client) -> None:
    await _fail(anyone, "leader", 1)
    await _fail(anyone, "My-Pass-2026", 1)
    tag = {"If-Match": (await admin.get("/users/leader")).headers["etag"]}
    await admin.patch("/users/leader", json={"password": "Hexi-Corridor-71"}, headers=tag)
    found = (await admin.get("/identity/events", params={"limit": 200})).json()["items"]
    failed = [one for one in found if one["type"] == "account.sign_in_failed"]
    changed = [one for one in found if one["type"] == "account.password_changed"]

    assert [(one["after"]["account"], one["after"]["reason"]) for one in failed] == [("leader", "password")]
    assert [(one["subject"], one["after"]["reset"], one["actor"]) for one in changed] == [
        ("leader", True, "keeper")
    ]
    assert "My-Pass-2026" not in str(found)


@pytest.mark.parametrize(
    "password",
    [
        "Xianjie-2022",
        "Password123",
        "Qwerty12345",
        "          Aa1",
        "P@ssw0rd2024",
        "Admin@123456",
        "Abc123456!",
        "Woaini1314!",
        "Liangzhou@123",
        "Zhangsan-123",
        "Zhang.San-1",
    ],
)
async def test_a_password_that_is_guessed_first_is_refused(admin: Client, password: str) -> None:
    answer = await admin.post("/users", json=build_account(password=password))

    assert answer.status_code == 422, password
    assert answer.json()["errors"][0]["pointer"] == "/password"


async def test_a_former_password_is_not_used_again(anyone: Client, admin: Client, clock: Clock) -> None:
    header = await make_account(anyone, admin, "leader")
    body = {"old": OWN, "new": "Hexi-Corridor-71"}
    answer = await anyone.post("/auth/password", json=body, headers=header)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/new")


async def test_an_old_password_must_be_changed(anyone: Client, admin: Client, clock: Clock) -> None:
    await make_account(anyone, admin, "leader")
    clock.advance(timedelta(days=181))
    tokens = (await request_token(anyone, username="zhang.san", password=OWN)).json()

    assert tokens["must_change"] is True
    assert (await anyone.get("/auth/me", headers=bearer_header(tokens))).json()["grants"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/users/big.boss", {"password": "Owned-pass-2026"}),
        ("PATCH", "/users/big.boss", {"disabled": True}),
        ("DELETE", "/users/big.boss/second-factor", None),
        ("DELETE", "/users/big.boss/sessions", None),
        ("PUT", "/users/big.boss/person", {"same_as": None}),
        ("POST", "/users/big.boss/issuers", {"issuer": "https://x.test", "subject": "1"}),
    ],
)
async def test_an_account_that_reaches_further_is_not_taken_in_hand(
    doors: SystemUnderTest, admin: Client, method: str, path: str, body: Any
) -> None:
    grants = [{"role": "bureau", "region": DISTRICT}]
    await admin.post("/users", json=build_account(id="big.boss", region=TOWN, grants=grants))
    town = doors.service("identity").client_as("admin", TOWN)
    tag = {"If-Match": (await town.get("/users/big.boss")).headers["etag"]}
    answer = await town.request(method, path, json=body, headers=tag)

    assert answer.status_code == 403, answer.text


async def test_tokens_are_stored_by_nobody_on_the_way(anyone: Client) -> None:
    answer = await request_token(anyone, username="finance", password=PASSWORD)

    assert answer.headers["cache-control"] == "no-store"
