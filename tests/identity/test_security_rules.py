"""Rules of sign-in: their owner, their floors and their second person."""

from typing import Any

import httpx
import pytest

from shared.rules import RuleEntry
from shared.rules.registry import insert_rule_version
from tests.clients import SystemUnderTest
from tests.identity.factories_identity import (
    PASSWORD,
    TOWN,
    build_account,
    build_security_rule,
    request_token,
    set_security_rule,
)

PROPOSALS = "/identity/rule-proposals"


@pytest.fixture
def proposer(doors: SystemUnderTest) -> httpx.AsyncClient:
    """A security administrator."""
    return doors.service("identity").client_as("security_admin", person="an.quan")


@pytest.fixture
def second(doors: SystemUnderTest) -> httpx.AsyncClient:
    """Another security administrator."""
    return doors.service("identity").client_as("security_admin", person="fu.he")


@pytest.mark.parametrize("role", ["bureau", "finance", "leader", "admin", "auditor", "town_officer"])
async def test_no_other_role_changes_a_security_rule(doors: SystemUnderTest, role: str) -> None:
    client = doors.service("identity").client_as(role)
    body = build_security_rule(doors, "auth.lock_out", {"attempts": 10, "minutes": 10})

    assert (await client.post("/identity/rules", json=body)).status_code == 403
    assert (await client.post(PROPOSALS, json=body)).status_code == 403


@pytest.mark.parametrize(
    ("key", "value", "pointer"),
    [
        ("auth.lock_out", {"attempts": 1_000_000, "minutes": 15}, "/value/attempts"),
        ("auth.lock_out", {"attempts": 5, "minutes": 1}, "/value/minutes"),
        ("auth.lock_out", {}, "/value/attempts"),
        ("auth.lock_out", {"attempts": True, "minutes": 15}, "/value/attempts"),
        ("auth.lock_out", {"attempts": 5, "minutes": 15, "off": True}, "/value/off"),
        ("auth.password", {"least": 1, "kinds": 3}, "/value/least"),
        ("auth.password", {"least": 10, "kinds": 1}, "/value/kinds"),
        ("auth.refresh_grace", 1_000_000_000, "/value"),
        ("auth.exclusive_roles", [], "/value"),
        ("auth.exclusive_roles", ["admin", "auditor"], "/value"),
        ("auth.token_life", {"access_minutes": 600, "refresh_days": 14}, "/value/access_minutes"),
        ("auth.token_life", {"access_minutes": 10, "refresh_days": 3650}, "/value/refresh_days"),
    ],
)
async def test_nobody_goes_under_a_floor(
    doors: SystemUnderTest, proposer: httpx.AsyncClient, key: str, value: Any, pointer: str
) -> None:
    refused = await proposer.post(PROPOSALS, json=build_security_rule(doors, key, value))

    assert refused.status_code == 422
    assert pointer in [error["pointer"] for error in refused.json()["errors"]]


async def test_the_second_person_reads_what_is_proposed(
    doors: SystemUnderTest, proposer: httpx.AsyncClient, second: httpx.AsyncClient
) -> None:
    body = build_security_rule(doors, "auth.confirmed_roles", ["town_officer", "finance"])
    made = (await proposer.post(PROPOSALS, json=body)).json()
    read = (await second.get(f"{PROPOSALS}/{made['id']}")).json()

    assert (read["title"], read["proposed"]) == (body["title"], "财政局、镇项目专干")
    assert (read["basis"], read["effective_from"]) == (body["basis"], body["effective_from"])


async def test_a_form_of_a_rule_names_its_codes(proposer: httpx.AsyncClient) -> None:
    shape = (await proposer.get("/identity/rules/auth.confirmed_roles/shape")).json()["value_schema"]

    assert {"const": "finance", "title": "财政局"} in shape["$defs"]["Role"]["oneOf"]


async def test_one_person_alone_changes_nothing(doors: SystemUnderTest, proposer: httpx.AsyncClient) -> None:
    body = build_security_rule(doors, "auth.lock_out", {"attempts": 3, "minutes": 60})
    direct = await proposer.post("/identity/rules", json=body)
    made = await proposer.post(PROPOSALS, json=body)
    alone = await proposer.post(f"{PROPOSALS}/{made.json()['id']}/confirm", json={})
    (rule,) = (await proposer.get("/identity/rules?prefix=auth.lock_out")).json()

    assert (direct.status_code, made.status_code, alone.status_code) == (409, 201, 403)
    assert rule["value"] == {"attempts": 5, "minutes": 15}


async def test_a_second_person_puts_the_rule_into_force(
    doors: SystemUnderTest, proposer: httpx.AsyncClient, second: httpx.AsyncClient
) -> None:
    body = build_security_rule(doors, "auth.password", {"least": 40, "kinds": 3})
    made = (await proposer.post(PROPOSALS, json=body)).json()
    confirmed = (await second.post(f"{PROPOSALS}/{made['id']}/confirm", json={})).json()
    again = await second.post(f"{PROPOSALS}/{made['id']}/confirm", json={})
    admin = doors.service("identity").client_as("admin", person="keeper")
    weak = await admin.post("/users", json=build_account())

    assert (confirmed["state"], confirmed["decided_by"]) == ("confirmed", "fu.he")
    assert confirmed["rule_version"] == 2
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.json()["version"] == confirmed["version"]
    assert weak.status_code == 422
    assert "口令至少 40 位" in weak.text


async def test_a_rejected_proposal_has_a_reason_and_no_effect(
    doors: SystemUnderTest, proposer: httpx.AsyncClient, second: httpx.AsyncClient
) -> None:
    body = build_security_rule(doors, "auth.password", {"least": 40, "kinds": 3})
    made = (await proposer.post(PROPOSALS, json=body)).json()
    silent = await second.post(f"{PROPOSALS}/{made['id']}/reject", json={})
    rejected = await second.post(f"{PROPOSALS}/{made['id']}/reject", json={"reason": "暂不提高"})
    rules = (await second.get("/identity/rules?prefix=auth.password")).json()

    assert (silent.status_code, rejected.json()["state"]) == (409, "rejected")
    assert {"least": 10, "kinds": 3} in [rule["value"] for rule in rules]


async def test_one_proposal_of_a_rule_waits_at_a_time(
    doors: SystemUnderTest, proposer: httpx.AsyncClient
) -> None:
    body = build_security_rule(doors, "auth.password", {"least": 40, "kinds": 3})
    first = await proposer.post(PROPOSALS, json=body)
    other = await proposer.post(PROPOSALS, json=body)

    assert (first.status_code, other.status_code) == (201, 409)


async def test_a_security_rule_cannot_begin_in_the_past(
    doors: SystemUnderTest, proposer: httpx.AsyncClient
) -> None:
    body = build_security_rule(doors, "auth.password", {"least": 40, "kinds": 3}, effective_from="2020-01-01")
    refused = await proposer.post(PROPOSALS, json=body)

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/effective_from"]


async def test_the_life_of_tokens_is_the_rule_s(doors: SystemUnderTest, anyone: httpx.AsyncClient) -> None:
    before = await request_token(anyone, username="finance", password=PASSWORD)
    await set_security_rule(
        doors, build_security_rule(doors, "auth.token_life", {"access_minutes": 5, "refresh_days": 1})
    )
    after = await request_token(anyone, username="finance", password=PASSWORD)

    assert (before.json()["expires_in"], after.json()["expires_in"]) == (600, 300)


async def test_a_security_administrator_has_no_other_role(doors: SystemUnderTest) -> None:
    admin = doors.service("identity").client_as("admin", person="keeper")
    grants = [{"role": "security_admin", "region": TOWN}, {"role": "town_officer", "region": TOWN}]
    refused = await admin.post("/users", json=build_account(grants=grants))

    assert refused.status_code == 422
    assert "安全管理员" in refused.text


async def test_a_stored_value_under_the_floor_is_never_in_force(doors: SystemUnderTest) -> None:
    identity = doors.service("identity")
    await _store_weak_lock_out(doors)
    history = (await identity.client_as("auditor").get("/identity/rules/auth.lock_out")).json()
    (rule,) = (await identity.client_as("auditor").get("/identity/rules?prefix=auth.lock_out")).json()
    anyone = identity.anonymous_client()
    for _ in range(5):
        await request_token(anyone, username="finance", password="wrong")
    locked = await request_token(anyone, username="finance", password=PASSWORD)

    assert [version["in_bounds"] for version in history] == [True, False]
    assert rule["version"] == 1
    assert "15 分钟" in locked.json()["error_description"]


async def _store_weak_lock_out(doors: SystemUnderTest) -> None:
    """Store what an older release accepted."""
    context = doors.service("identity").context
    entry = RuleEntry.model_validate(
        build_security_rule(doors, "auth.lock_out", {"attempts": 1_000_000, "minutes": 1})
    )
    async with context.database.write() as session:
        await insert_rule_version(session, entry, by="bureau", at=context.clock())
    context.rules.clear()
