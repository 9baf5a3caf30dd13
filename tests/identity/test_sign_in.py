"""Sign-in: tokens that every service accepts, lock-out after failures, limit of concurrent logins."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from pwdlib import PasswordHash
from sqlmodel import col

from services.identity.accounts import passwords
from services.identity.accounts.models import Account
from services.identity.demo_accounts import DEMO_CLIENT_ID, ROLES_WITHOUT_DEMO_ACCOUNT
from shared.auth import Role
from shared.db import execute_core
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.identity.factories_identity import (
    PASSWORD,
    TOWN,
    VILLAGE,
    bearer_header,
    build_security_rule,
    request_token,
    set_security_rule,
    sign_in,
)

Client = httpx.AsyncClient
PERSON_ROLES = [role.value for role in Role if role not in ROLES_WITHOUT_DEMO_ACCOUNT]


@pytest.mark.parametrize("name", PERSON_ROLES)
async def test_every_demo_account_signs_in_with_its_role(anyone: Client, name: str) -> None:
    tokens = await sign_in(anyone, name)
    me = (await anyone.get("/auth/me", headers=bearer_header(tokens))).json()

    assert me["id"] == name
    assert [grant["role"] for grant in me["grants"]] == [name]


async def test_demo_accounts_are_at_home_where_the_tour_says(anyone: Client) -> None:
    homes = {}
    for name in ("town_officer", "village_clerk", "cadre"):
        me = await anyone.get("/auth/me", headers=bearer_header(await sign_in(anyone, name)))
        homes[name] = me.json()["grants"][0]["region"]

    assert homes == {"town_officer": TOWN, "village_clerk": VILLAGE, "cadre": VILLAGE}


async def test_a_token_opens_the_other_services(doors: SystemUnderTest, anyone: Client) -> None:
    finance = bearer_header(await sign_in(anyone, "finance"))
    funds = doors.service("funds").anonymous_client()

    assert (await funds.get("/funds/sources", headers=finance)).status_code == 200
    assert (await funds.get("/funds/sources")).status_code == 401


async def test_the_administrator_sees_no_business_data(doors: SystemUnderTest, anyone: Client) -> None:
    admin = bearer_header(await sign_in(anyone, "admin"))

    assert (
        await doors.service("funds").anonymous_client().get("/funds/sources", headers=admin)
    ).status_code == 403
    assert (
        await doors.service("identity").anonymous_client().get("/users", headers=admin)
    ).status_code == 200


async def test_a_wrong_password_and_an_unknown_name_are_refused_alike(anyone: Client) -> None:
    wrong = await request_token(anyone, username="finance", password="Xianjie-2021")
    unknown = await request_token(anyone, username="nobody.here", password="Xianjie-2021")

    assert wrong.status_code == unknown.status_code == 400
    assert wrong.json() == unknown.json()
    assert wrong.json()["error"] == "invalid_grant"
    assert wrong.headers["cache-control"] == "no-store"


async def _fail_sign_in(client: Client, times: int, name: str = "finance") -> None:
    for number in range(times):
        await request_token(client, username=name, password=f"guess-{number}")


async def test_five_failures_lock_the_account_for_a_quarter_of_an_hour(anyone: Client, clock: Clock) -> None:
    await _fail_sign_in(anyone, 5)
    locked = await request_token(anyone, username="finance", password=PASSWORD)
    clock.advance(timedelta(minutes=15))
    later = await request_token(anyone, username="finance", password=PASSWORD)

    assert (locked.status_code, "15 分钟" in locked.json()["error_description"]) == (400, True)
    assert later.status_code == 200


async def test_a_success_forgets_the_failures_before_it(anyone: Client) -> None:
    await _fail_sign_in(anyone, 4)
    await sign_in(anyone, "finance")
    await _fail_sign_in(anyone, 4)

    assert (await request_token(anyone, username="finance", password=PASSWORD)).status_code == 200


async def test_guesses_side_by_side_count_like_guesses_in_a_row(anyone: Client) -> None:
    wrong = [request_token(anyone, username="finance", password=f"guess-{number}") for number in range(12)]
    await asyncio.gather(*wrong)
    right = await request_token(anyone, username="finance", password=PASSWORD)

    assert right.status_code == 400


async def test_a_locked_account_is_an_event_the_administrator_sees(anyone: Client, admin: Client) -> None:
    await _fail_sign_in(anyone, 5)
    events = (await admin.get("/identity/events", params={"types": "account.locked"})).json()["items"]

    assert [(event["subject"], event["after"]["minutes"]) for event in events] == [("finance", 15)]


async def test_the_district_decides_how_many_failures_lock(doors: SystemUnderTest, anyone: Client) -> None:
    stricter = build_security_rule(doors, "auth.lock_out", {"attempts": 3, "minutes": 60})
    await set_security_rule(doors, stricter)
    await _fail_sign_in(anyone, 3)
    locked = await request_token(anyone, username="finance", password=PASSWORD)

    assert "60 分钟" in locked.json()["error_description"]


async def test_a_machine_client_signs_in_by_basic_or_by_form(anyone: Client) -> None:
    basic = base64.b64encode(f"{DEMO_CLIENT_ID}:{PASSWORD}".encode()).decode()
    header = {"Authorization": f"Basic {basic}"}
    by_basic = await anyone.post("/auth/token", data={"grant_type": "client_credentials"}, headers=header)
    by_form = await request_token(
        anyone, "client_credentials", client_id=DEMO_CLIENT_ID, client_secret=PASSWORD
    )
    wrong = await request_token(anyone, "client_credentials", client_id=DEMO_CLIENT_ID, client_secret="x")

    assert by_basic.status_code == by_form.status_code == 200
    assert "refresh_token" not in by_form.json() or by_form.json()["refresh_token"] is None
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic")


async def test_a_machine_signs_in_as_a_machine_only(anyone: Client) -> None:
    as_person = await request_token(anyone, username=DEMO_CLIENT_ID, password=PASSWORD)
    as_machine = await request_token(
        anyone, "client_credentials", client_id="finance", client_secret=PASSWORD
    )

    assert (as_person.status_code, as_machine.status_code) == (400, 401)


async def test_another_way_to_sign_in_is_refused(anyone: Client) -> None:
    answer = await request_token(anyone, "implicit")

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-6] + ("AAAAAA" if text[-6:] != "AAAAAA" else "BBBBBB"),
        lambda text: text.split(".")[0] + "." + text.split(".")[1] + ".",
        lambda text: base64.urlsafe_b64encode(b'{"alg":"none"}').decode() + "." + text.split(".", 1)[1],
        lambda _: "not.a.token",
        lambda _: "",
    ],
)
async def test_a_token_that_was_touched_opens_nothing(anyone: Client, damage: Any) -> None:
    tokens = await sign_in(anyone, "finance")
    header = {"Authorization": f"Bearer {damage(tokens['access_token'])}"}

    answer = await anyone.get("/auth/me", headers=header)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_token_ends_after_ten_minutes(anyone: Client, clock: Clock) -> None:
    tokens = await sign_in(anyone, "finance")
    clock.advance(timedelta(minutes=9, seconds=59))
    before = await anyone.get("/auth/me", headers=bearer_header(tokens))
    clock.advance(timedelta(seconds=1))
    after = await anyone.get("/auth/me", headers=bearer_header(tokens))

    assert (before.status_code, after.status_code) == (200, 401)


@pytest.fixture
async def _costly_login(doors: SystemUnderTest, costly_hasher: PasswordHash) -> None:
    """The leader's password was hashed as the product does it."""
    async with doors.service("identity").context.database.write() as session:
        secret = {"secret": costly_hasher.hash(PASSWORD)}
        await execute_core(session, sa.update(Account).where(col(Account.id) == "leader").values(secret))


@pytest.mark.usefixtures("_costly_login")
async def test_a_rush_of_logins_leaves_reads_alone(anyone: Client) -> None:
    reader = bearer_header(await sign_in(anyone, "finance"))
    rush = [
        asyncio.create_task(request_token(anyone, username="leader", password=PASSWORD)) for _ in range(12)
    ]
    waits = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not all(task.done() for task in rush):
        started = loop.time()
        assert (await anyone.get("/auth/me", headers=reader)).status_code == 200
        waits.append(loop.time() - started)
        await asyncio.sleep(0.01)

    rushed = loop.time() - began
    assert [(await task).status_code for task in rush] == [200] * 12
    assert len(waits) >= 5  # reads were answered while logins were being hashed
    assert sorted(waits)[len(waits) // 2] < rushed / 6  # and did not wait in the queue of logins


@pytest.mark.usefixtures("_costly_login")
async def test_too_many_logins_at_once_are_asked_to_come_back(
    anyone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MAX_HASH_WAIT_S", 1.0)
    monkeypatch.setattr(passwords.hash_semaphore, "hash_s", 1.5)
    answers = await asyncio.gather(
        *(request_token(anyone, username="leader", password=PASSWORD) for _ in range(6))
    )

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 200, 200, 503, 503, 503]  # two are hashed, one waits 0.75 s
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)


async def test_a_storm_from_one_address_delays_only_itself() -> None:
    """Addresses take turns: who comes behind 32 logins of another address is hashed next."""
    gate = passwords.HashSemaphore()
    order: list[str] = []

    async def hash_from(source: str) -> None:
        async with gate.slot(source):
            order.append(source)
            await asyncio.sleep(0)

    storm = [asyncio.create_task(hash_from("storm")) for _ in range(32)]
    await asyncio.sleep(0)
    assert gate.expect_wait("honest") <= 2 * gate.hash_s
    await asyncio.gather(hash_from("honest"), *storm)

    assert order.index("honest") < 3 * passwords.MAX_CONCURRENT_HASHES
    assert len(order) == 33
    assert gate.expect_wait("storm") == 0
