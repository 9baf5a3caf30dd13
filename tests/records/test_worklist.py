"""What waits for whom: the same in the worklist, on the first screen, in the inbox, and in what a record offers."""

import inspect
import re
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from shared.auth import ROLES as PERMISSIONS_BY_ROLE
from shared.auth import May, Role
from shared.records import RecordKind
from tests.clients import SystemUnderTest

ROLES = [role for role in Role if role not in {Role.SERVICE, Role.MACHINE}]
PROJECT_READERS = [role for role in ROLES if May.PROJECT_READ in PERMISSIONS_BY_ROLE[role]]
DATA_SERVICES = ("projects", "funds", "assets", "attendance")
SEEN_BY_EVERYBODY = 10
"""Records of the year that every role reads."""
HOME_OF_ROLE = {Role.ADMIN: "000000000000"}


async def read(client: httpx.AsyncClient, address: str, **params: Any) -> Any:
    answer = await client.get(address.removeprefix("/api/v1"), params=params)
    assert answer.status_code == 200, (address, answer.text)
    return answer.json()


def enter(year: SystemUnderTest, service: str, role: Role, person: str = "") -> httpx.AsyncClient:
    return year.service(service).client_as(role, HOME_OF_ROLE.get(role, "620602000000"), person=person)


async def list_all(client: httpx.AsyncClient, address: str) -> AsyncGenerator[dict[str, Any]]:
    cursor = ""
    while True:
        page = await read(client, address, limit=200, cursor=cursor)
        for item in page["items"]:
            yield item
        if not (cursor := page["next_cursor"] or ""):
            return


@pytest.mark.parametrize("role", ROLES)
async def test_every_line_of_the_first_screen_leads_to_exactly_its_records(
    year: SystemUnderTest, role: Role
) -> None:
    home = await read(enter(year, "gateway", role), "/home")

    assert home["missing"] == []
    for line in home["inbox"]:
        client = enter(year, line["service"], role)
        rows = [row async for row in list_all(client, line["rows"])]
        counted = await read(client, line["rows"], limit=1, count="exact")
        assert len({row["id"] for row in rows}) == len(rows) == line["count"] == counted["total"], line
        assert sum(row["late"] for row in rows) == line["late"], line
        assert min(row["since"] for row in rows) == line["oldest"]
        for row in rows[:3]:
            if line["kind"] != "complaint":  # its detail is a receipt for whoever complained
                await read(client, row["address"])


async def test_somebody_has_work_in_every_service(year: SystemUnderTest) -> None:
    served = set()
    for role in ROLES:
        home = await read(enter(year, "gateway", role), "/home")
        served |= {line["service"] for line in home["inbox"]}
    assert served == set(DATA_SERVICES)


@pytest.mark.parametrize("role", PROJECT_READERS)
async def test_the_inbox_of_projects_and_the_first_screen_agree(year: SystemUnderTest, role: Role) -> None:
    home = await read(enter(year, "gateway", role), "/home")
    inbox = await read(enter(year, "projects", role), "/projects/inbox/counts")
    lines = {line["key"]: line["count"] for line in home["inbox"] if line["service"] == "projects"}

    states = {f"projects.state.{one['state']}": one["waiting"] for one in inbox["items"]}
    assert states == {key: count for key, count in lines.items() if key.startswith("projects.state.")}
    listed = [row async for row in list_all(enter(year, "projects", role), "/projects/inbox")]
    assert len(listed) == inbox["waiting"] == sum(states.values())
    for field, key in (
        ("changes", "projects.changes.state.submitted"),
        ("unpublished", "projects.changes.unpublished.true"),
        ("evaluations", "projects.evaluations.state.submitted"),
        ("waivers", "projects.clearances.state.asked"),
        ("blocked", "projects.blocked.true"),
        ("alerts", "projects.alerts.state.open"),
    ):
        assert inbox[field] == lines.get(key, 0), field


def list_turn_kinds(year: SystemUnderTest) -> list[tuple[str, RecordKind]]:
    return [
        (service, bound.kind)
        for service in DATA_SERVICES
        for bound in year.apps[service].state.kinds
        if bound.kind.turns
    ]


def list_blocking_codes(kind: RecordKind) -> set[str]:
    """The codes of faults that say it is another's turn: of four eyes, and of guards with a twin in SQL."""
    sources = [inspect.getsource(guard) for guard in kind.twins]
    return {"four_eyes"} | {code for text in sources for code in re.findall(r'FieldError\(\s*"(\w+)"', text)}


def waits(kind: RecordKind, record: dict[str, Any]) -> bool:
    """Whether a record offers this caller one of the moves that end its wait, whatever else may be missing."""
    blocking = list_blocking_codes(kind)
    actions = {action for one in kind.turns if one.state == record["state"] for action in one.actions}
    return any(
        offered["action"] in actions and not blocking & {fault["code"] for fault in offered["missing"]}
        for offered in record["available_actions"]
    )


@pytest.mark.parametrize("role", PROJECT_READERS)
async def test_a_record_waits_for_whoever_it_offers_the_next_move(year: SystemUnderTest, role: Role) -> None:
    """The twins in SQL say the same as the guards, four eyes and permissions as each record itself reckons them."""
    compared = 0
    for service, kind in list_turn_kinds(year):
        client = enter(year, service, role)
        waiting = await list_waiting_ids(client, service, kind)
        for record in await list_details(client, kind):
            compared += 1
            listed = record["id"] in waiting
            # A permission of several roles may be narrowed further, to those whose task it is.
            if listed or kind.whose is None:
                assert waits(kind, record) == listed, (kind.name, record)
    assert compared > SEEN_BY_EVERYBODY


async def list_waiting_ids(client: httpx.AsyncClient, service: str, kind: RecordKind) -> set[str]:
    found: set[str] = set()
    for one in kind.turns:
        address = f"/{service}/worklist/{kind.item_key(one.item_key)}"
        answer = await client.get(address, params={"limit": 200})
        assert answer.status_code in {200, 404}
        found |= {row["id"] for row in answer.json().get("items", [])}
    return found


async def list_details(client: httpx.AsyncClient, kind: RecordKind) -> list[dict[str, Any]]:
    """Every record the caller may read that says what may be done with it."""
    listed = await client.get(kind.path, params={"limit": 200})
    found = []
    for row in listed.json().get("items", []):
        answer = await client.get(kind.detail_address(row["id"]))
        if answer.status_code == 200 and "available_actions" in answer.json():
            found.append(answer.json())
    return found
