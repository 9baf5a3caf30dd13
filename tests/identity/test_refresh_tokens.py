"""Refresh tokens: single use, revocation of the family on reuse, retry after a lost response."""

import inspect
from datetime import timedelta

import httpx

from services.identity.main import SERVICE
from services.identity.sessions.service import delete_expired_tokens
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.identity.factories_identity import PASSWORD, bearer_header, refresh_tokens, request_token, sign_in

Client = httpx.AsyncClient


async def test_each_refresh_gives_new_tokens(anyone: Client, clock: Clock) -> None:
    first = await sign_in(anyone, "finance")
    clock.advance(timedelta(minutes=9))
    second = (await refresh_tokens(anyone, first)).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert (await anyone.get("/auth/me", headers=bearer_header(second))).status_code == 200
    assert (await refresh_tokens(anyone, second)).status_code == 200


async def test_a_token_used_twice_ends_the_whole_family(anyone: Client, admin: Client, clock: Clock) -> None:
    first = await sign_in(anyone, "finance")
    second = (await refresh_tokens(anyone, first)).json()
    clock.advance(timedelta(minutes=1))
    stolen = await refresh_tokens(anyone, first)
    honest = await refresh_tokens(anyone, second)
    events = (await admin.get("/identity/events", params={"types": "token.reused"})).json()["items"]

    assert (stolen.status_code, honest.status_code) == (400, 400)
    assert [event["subject"] for event in events] == ["finance"]


async def test_a_repeated_refresh_on_a_bad_line_is_no_theft(anyone: Client, clock: Clock) -> None:
    first = await sign_in(anyone, "finance")
    await refresh_tokens(anyone, first)  # the answer is lost
    clock.advance(timedelta(seconds=10))
    again = await refresh_tokens(anyone, first)

    assert again.status_code == 200
    assert (await refresh_tokens(anyone, again.json())).status_code == 200


async def test_a_repeated_refresh_is_theft_once_its_successor_was_used(anyone: Client) -> None:
    first = await sign_in(anyone, "finance")
    second = (await refresh_tokens(anyone, first)).json()
    third = (await refresh_tokens(anyone, second)).json()
    stolen = await refresh_tokens(anyone, first)

    assert stolen.status_code == 400
    assert (await refresh_tokens(anyone, third)).status_code == 400


async def test_other_devices_stay_signed_in_when_one_family_ends(anyone: Client, clock: Clock) -> None:
    phone, desk = await sign_in(anyone, "finance"), await sign_in(anyone, "finance")
    await refresh_tokens(anyone, phone)
    clock.advance(timedelta(minutes=1))
    await refresh_tokens(anyone, phone)

    assert (await refresh_tokens(anyone, desk)).status_code == 200


async def test_a_refresh_token_ends_after_a_fortnight(anyone: Client, clock: Clock) -> None:
    tokens = await sign_in(anyone, "finance")
    clock.advance(timedelta(days=14))

    assert (await refresh_tokens(anyone, tokens)).status_code == 400


async def test_expired_tokens_are_deleted_and_valid_ones_stay(
    anyone: Client, doors: SystemUnderTest, clock: Clock
) -> None:
    context = doors.apps["identity"].state.context
    old = await sign_in(anyone, "finance")
    clock.advance(timedelta(days=13))
    new = await sign_in(anyone, "finance")
    clock.advance(timedelta(days=1, seconds=1))

    assert await delete_expired_tokens(context) == 1
    assert await delete_expired_tokens(context) == 0
    assert (await refresh_tokens(anyone, old)).status_code == 400
    assert (await refresh_tokens(anyone, new)).status_code == 200


def test_a_background_task_of_identity_deletes_them() -> None:
    assert SERVICE.background[0].__qualname__ == "run_periodically.<locals>.run"
    assert delete_expired_tokens in inspect.getclosurevars(SERVICE.background[0]).nonlocals.values()


async def test_signing_out_ends_every_refresh_token(anyone: Client) -> None:
    phone, desk = await sign_in(anyone, "finance"), await sign_in(anyone, "finance")
    left = await anyone.post("/auth/logout", headers=bearer_header(phone))

    assert (left.status_code, left.content) == (204, b"")
    assert (await refresh_tokens(anyone, phone)).status_code == 400
    assert (await refresh_tokens(anyone, desk)).status_code == 400


async def test_a_changed_password_ends_every_other_sign_in(anyone: Client) -> None:
    tokens = await sign_in(anyone, "finance")
    body = {"old": PASSWORD, "new": "Qilian-Barley-58"}
    changed = await anyone.post("/auth/password", json=body, headers=bearer_header(tokens))

    assert changed.status_code == 204, changed.text
    assert (await refresh_tokens(anyone, tokens)).status_code == 400
    assert (await request_token(anyone, username="finance", password=PASSWORD)).status_code == 400
    await sign_in(anyone, "finance", "Qilian-Barley-58")


async def test_a_wrong_old_password_counts_as_a_failed_login(anyone: Client) -> None:
    tokens = await sign_in(anyone, "finance")
    body = {"old": "not it at all", "new": "Qilian-Barley-58"}
    answers = [
        await anyone.post("/auth/password", json=body, headers=bearer_header(tokens)) for _ in range(5)
    ]
    right = await anyone.post("/auth/password", json={**body, "old": PASSWORD}, headers=bearer_header(tokens))

    assert [answer.status_code for answer in answers] == [422] * 5
    assert right.status_code == 422
    assert (await request_token(anyone, username="finance", password=PASSWORD)).status_code == 400


async def test_a_disabled_account_is_out_at_the_next_refresh(anyone: Client, admin: Client) -> None:
    tokens = await sign_in(anyone, "leader")
    account = await admin.get("/users/leader")
    tag = {"If-Match": account.headers["etag"]}
    disabled = await admin.patch("/users/leader", json={"disabled": True}, headers=tag)

    assert disabled.json()["disabled"] is True
    assert (await refresh_tokens(anyone, tokens)).status_code == 400
    assert (await request_token(anyone, username="leader", password=PASSWORD)).status_code == 400


async def test_a_grant_that_ends_is_gone_from_the_next_token(
    doors: SystemUnderTest, anyone: Client, admin: Client, clock: Clock
) -> None:
    account = await admin.get("/users/leader")
    until_today = [{"role": "leader", "region": "620602000000", "valid_to": "2024-05-20"}]
    tag = {"If-Match": account.headers["etag"]}
    await admin.patch("/users/leader", json={"grants": until_today}, headers=tag)
    funds = doors.service("funds").anonymous_client()
    today = bearer_header(await sign_in(anyone, "leader"))
    clock.advance(timedelta(days=1))
    tomorrow = bearer_header(await sign_in(anyone, "leader"))

    clock.advance(timedelta(days=-1))
    assert (await funds.get("/funds/sources", headers=today)).status_code == 200
    clock.advance(timedelta(days=1))
    assert (await funds.get("/funds/sources", headers=tomorrow)).status_code == 403
