"""The second factor: required for administrators and for whoever approves money, with recovery codes and a reset."""

from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest

from shared.db.migrate import load_base
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.identity.factories_identity import (
    DISTRICT,
    bearer_header,
    build_account,
    refresh_tokens,
    request_token,
    sign_in,
)

Client = httpx.AsyncClient
FIRST, OWN = "Hexi-Corridor-71", "Qilian-Barley-58"


async def make_account(
    anyone: Client, admin: Client, role: str = "finance", **changes: Any
) -> dict[str, str]:
    """An account with a password of its own; the header of its signed-in client."""
    grants = [{"role": role, "region": DISTRICT}]
    made = await admin.post("/users", json=build_account(region=DISTRICT, grants=grants, **changes))
    assert made.status_code == 201, made.text
    first = bearer_header(await sign_in(anyone, "zhang.san", FIRST))
    changed = await anyone.post("/auth/password", json={"old": FIRST, "new": OWN}, headers=first)
    assert changed.status_code == 204, changed.text
    return bearer_header(await sign_in(anyone, "zhang.san", OWN))


async def enrol(anyone: Client, clock: Clock, header: dict[str, str]) -> tuple[pyotp.TOTP, list[str]]:
    """Set the second factor up; its generator and the recovery codes."""
    begun = await anyone.post("/auth/second-factor", headers=header)
    generator = pyotp.TOTP(begun.json()["secret"])
    code = generator.at(clock.now())
    confirmed = await anyone.post("/auth/second-factor/confirm", json={"code": code}, headers=header)
    assert confirmed.status_code == 200, confirmed.text
    clock.advance(timedelta(seconds=30))
    return generator, confirmed.json()["codes"]


async def try_sign_in(anyone: Client, **form: Any) -> httpx.Response:
    return await request_token(anyone, username="zhang.san", password=OWN, **form)


@pytest.mark.parametrize(("role", "required"), [("finance", True), ("admin", True), ("leader", False)])
async def test_who_approves_money_or_manages_accounts_must_have_one(
    anyone: Client, admin: Client, role: str, required: bool
) -> None:
    await make_account(anyone, admin, role)
    tokens = (await try_sign_in(anyone)).json()
    me = (await anyone.get("/auth/me", headers=bearer_header(tokens))).json()
    status = (await anyone.get("/auth/second-factor", headers=bearer_header(tokens))).json()

    assert tokens["must_enrol"] is required
    assert bool(me["grants"]) is not required
    assert (status["active"], status["required"]) == (False, required)


async def test_with_a_code_the_rights_are_there(anyone: Client, admin: Client, clock: Clock) -> None:
    generator, _ = await enrol(anyone, clock, await make_account(anyone, admin))
    without = await try_sign_in(anyone)
    tokens = await try_sign_in(anyone, otp=generator.at(clock.now()))
    me = (await anyone.get("/auth/me", headers=bearer_header(tokens.json()))).json()

    assert (without.status_code, without.json()["error"]) == (400, "mfa_required")
    assert (tokens.status_code, tokens.json()["must_enrol"]) == (200, False)
    assert [grant["role"] for grant in me["grants"]] == ["finance"]


async def test_a_code_is_good_once_and_for_a_short_while(anyone: Client, admin: Client, clock: Clock) -> None:
    generator, _ = await enrol(anyone, clock, await make_account(anyone, admin))
    code = generator.at(clock.now())
    used = [(await try_sign_in(anyone, otp=code)).status_code for _ in range(2)]
    old = generator.at(clock.now() + timedelta(seconds=30))
    clock.advance(timedelta(minutes=2))
    late = await try_sign_in(anyone, otp=old)

    assert used == [200, 400]
    assert late.status_code == 400


async def test_a_recovery_code_is_good_once(anyone: Client, admin: Client, clock: Clock) -> None:
    _, codes = await enrol(anyone, clock, await make_account(anyone, admin))
    answers = [await try_sign_in(anyone, otp=codes[0]) for _ in range(2)]
    header = bearer_header(answers[0].json())
    left = (await anyone.get("/auth/second-factor", headers=header)).json()["recovery_codes_left"]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert left == len(codes) - 1 == 9


async def test_guessing_codes_locks_like_guessing_passwords(
    anyone: Client, admin: Client, clock: Clock
) -> None:
    generator, _ = await enrol(anyone, clock, await make_account(anyone, admin))
    for number in range(5):
        assert (await try_sign_in(anyone, otp=f"00000{number}")).status_code == 400
    right = await try_sign_in(anyone, otp=generator.at(clock.now()))

    assert "15 分钟" in right.json()["error_description"]


async def test_who_lost_phone_and_paper_is_helped_by_another_administrator(
    doors: SystemUnderTest, anyone: Client, admin: Client, clock: Clock
) -> None:
    generator, _ = await enrol(anyone, clock, await make_account(anyone, admin))
    tokens = (await try_sign_in(anyone, otp=generator.at(clock.now()))).json()
    reset = await admin.delete("/users/zhang.san/second-factor")
    events = await admin.get("/identity/events", params={"types": "account.second_factor_changed"})
    himself = doors.service("identity").client_as("admin", DISTRICT, person="zhang.san")

    assert reset.status_code == 204
    assert (await refresh_tokens(anyone, tokens)).status_code == 400
    assert (await try_sign_in(anyone)).json()["must_enrol"] is True
    assert [one["after"]["change"] for one in events.json()["items"]] == ["activated", "reset"]
    assert (await himself.delete("/users/zhang.san/second-factor")).status_code == 403


async def test_it_is_removed_with_one_of_its_codes_only(anyone: Client, admin: Client, clock: Clock) -> None:
    header = await make_account(anyone, admin, "leader")
    generator, _ = await enrol(anyone, clock, header)
    wrong = await anyone.post("/auth/second-factor/remove", json={"code": "123456"}, headers=header)
    right = await anyone.post(
        "/auth/second-factor/remove", json={"code": generator.at(clock.now())}, headers=header
    )

    assert (wrong.status_code, right.status_code) == (422, 204)
    assert (await try_sign_in(anyone)).status_code == 200


async def test_the_secret_is_kept_nowhere_in_clear(
    doors: SystemUnderTest, anyone: Client, admin: Client, clock: Clock
) -> None:
    generator, codes = await enrol(anyone, clock, await make_account(anyone, admin))
    database = doors.apps["identity"].state.context.database
    async with database.read() as session:
        connection = await session.connection()
        rows = [
            tuple(row)
            for table in load_base("identity").metadata.sorted_tables
            for row in await connection.execute(table.select())
        ]
    text = str(rows)

    assert generator.secret not in text
    assert not [code for code in codes if code in text or code.replace("-", "") in text]
