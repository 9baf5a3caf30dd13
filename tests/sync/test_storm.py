"""Simulated phones on a bad line: nothing lost, nothing doubled, no read goes back; and a checker that finds planted faults.

`make storm` plays the same with 500 phones and a week (PHONES, DAYS, SEED).
"""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from tests.attendance.factories_attendance import create_post, get_json, post_json
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.sync.bad_network import BadNetwork
from tests.sync.causal_checker import History, Read, Write
from tests.sync.factories_sync import create_account
from tests.sync.simulated_phone import Cadre, SimulatedPhone

PHONES, DAYS = int(os.environ.get("STORM_PHONES", "50")), int(os.environ.get("STORM_DAYS", "2"))
SEED = int(os.environ.get("STORM_SEED", "20240520"))
PARTS_OF_DAY = 2
MAX_SETTLING_ROUNDS = 12

Wrap = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]


@dataclass
class Storm:
    """What was played."""

    phones: list[SimulatedPhone]
    cadres: list[Cadre]
    history: History
    final: dict[str, tuple[int, str]]
    check_ins: list[str]


async def list_all(client: httpx.AsyncClient, address: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await get_json(client, address, limit=200, **({"cursor": cursor} if cursor else {}))
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


async def create_cadres(doors: SystemUnderTest, number: int) -> list[Cadre]:
    cadres = [Cadre(f"cadre{nth:03}", ECKey.generate_key("P-256")) for nth in range(number)]
    identity = doors.service("identity")
    for one in cadres:
        await create_account(doors, one.account)
        client = identity.client_as("cadre", person=one.account)
        key = {"name": "手机", "public_key": one.pair.as_dict(private=False)}
        await post_json(client, "/auth/devices", key)
    town = doors.service("attendance").client_as("town_officer")
    await create_post(town, *(one.account for one in cadres))
    return cadres


def create_phone(
    doors: SystemUnderTest, number: int, cadres: list[Cadre], clock: Clock, history: History, wrap: Wrap
) -> SimulatedPhone:
    """A phone that two cadres share; each of them also uses a neighbour's."""
    random = Random(SEED * 1_000 + number)
    users = {one.account: one for one in (cadres[number], cadres[number - 1])}
    lines = {}
    for account in users:
        client = doors.service("sync").client_as("cadre", person=account)
        network = BadNetwork(wrap(client._transport), random)
        lines[account] = httpx.AsyncClient(
            transport=network, base_url=client.base_url, event_hooks=client.event_hooks
        )
    return SimulatedPhone(number, lines, users, clock, history, random)


async def play(
    doors: SystemUnderTest,
    clock: Clock,
    *,
    phones: int,
    days: int,
    wrap: Wrap = lambda line: line,
    calm: bool = False,
) -> Storm:
    """Let phones live for some days, then give them a good line until every outbox is empty."""
    history = History()
    cadres = await create_cadres(doors, phones)
    made = [create_phone(doors, nth, cadres, clock, history, wrap) for nth in range(phones)]
    for one in made if calm else []:
        one.heal_lines()
    for _ in range(days * PARTS_OF_DAY):
        await asyncio.gather(*(one.live(one.random.randrange(1, 4)) for one in made))
        clock.advance(timedelta(days=1) / PARTS_OF_DAY)
    for one in made:
        one.heal_lines()
    for nth in range(MAX_SETTLING_ROUNDS):
        await asyncio.gather(*(one.settle() for one in made))
        clock.advance(timedelta(minutes=1))
        if nth and not any(one.state["outbox"] for one in made):
            break
    town = doors.service("attendance").client_as("town_officer")
    deeds = await list_all(town, "/attendance/deeds")
    taken = await list_all(town, "/attendance/check-ins")
    final = {row["id"]: (row["version"], row["content"]) for row in deeds}
    return Storm(made, cadres, history, final, [row["id"] for row in taken])


@pytest.mark.timeout(3_000)
async def test_phones_on_a_bad_line_lose_nothing_double_nothing_and_never_read_back(
    doors: SystemUnderTest, clock: Clock
) -> None:
    storm = await play(doors, clock, phones=PHONES, days=DAYS)
    states = [one.state for one in storm.phones]
    waiting = [entry["item"]["path"] for state in states for entry in state["outbox"]]
    refused = [one["problem"] for state in states for one in state["refusals"]]
    assert (waiting, refused) == ([], [])
    assert storm.history.list_faults(storm.final) == []
    assert sorted(storm.check_ins) == sorted(set().union(*(one.check_ins for one in storm.cadres)))
    conflicts = [one for state in states for one in state["conflicts"]]
    for one in conflicts:
        assert one["current"]["version"] >= 1
        assert [found["pointer"] for found in one["differences"]] == ["/content"], one
    faults: dict[str, int] = {}
    for phone in storm.phones:
        for line in phone.lines.values():
            network: Any = line._transport
            faults = {name: faults.get(name, 0) + count for name, count in network.count.items()}
    figures = {
        "phones": PHONES,
        "days": DAYS,
        "writes": len({one.item for one in storm.history.writes}),
        "check_ins": len(storm.check_ins),
        "conflicts": len(conflicts),
        "reads": len(storm.history.events) - len(storm.history.writes),
        "kills": sum(one.kills for one in storm.phones),
        **faults,
    }
    print(json.dumps(figures))  # noqa: T201 - the figures of `make storm`
    assert all(figures.values()), "the storm has every kind of fault, and conflicts"


class LyingLine(httpx.AsyncBaseTransport):
    """A door with a planted fault."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.lies = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.inner.handle_async_request(request)
        await answer.aread()
        return answer


class ForgetfulLine(LyingLine):
    """Acknowledges a new deed that it never stores."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = json.loads(await request.aread() or "{}")
        items = content.get("items", [])
        creations = [one for one in items if one["path"].endswith("/deeds") and one["method"] == "POST"]
        if self.lies or not creations:
            return await super().handle_async_request(request)
        self.lies += 1
        body = {"id": creations[0]["id"], "version": 1, "content": creations[0]["body"]["content"]}
        result = {"id": creations[0]["id"], "verdict": "applied", "body": body}
        return httpx.Response(200, json={"results": [result]})


class DoublingLine(LyingLine):
    """Plays a new deed twice, the second time under another id."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = json.loads(await request.aread() or "{}")
        items = content.get("items", [])
        creations = [
            one
            for one in items
            if one["path"].endswith("/deeds")
            and one["method"] == "POST"
            and one["recorded_by"] == items[0]["recorded_by"]
        ]
        if creations and not self.lies:
            self.lies += 1
            other = creations[0]["id"][:-4] + "beef"
            again = {**creations[0], "id": other, "body": {**creations[0]["body"], "id": other}}
            again.pop("signature")
            again.pop("recorded_by")
            kept = [(name, value) for name, value in request.headers.items() if name != "content-length"]
            body = json.dumps({**content, "items": [again]}).encode()
            await super().handle_async_request(httpx.Request("POST", request.url, headers=kept, content=body))
        return await super().handle_async_request(request)


class BackwardLine(LyingLine):
    """Answers with the state of an earlier day."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        super().__init__(inner)
        self.old: dict[str, Any] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if not request.url.path.endswith("/changes"):
            return answer
        page = answer.json()
        for at, one in enumerate(page["records"]):
            first = self.old.setdefault(one["id"], one)
            if first["row"]["version"] < one["row"]["version"]:
                self.lies += 1
                page["records"][at] = first
        return httpx.Response(200, json=page)


@pytest.mark.parametrize(
    ("line", "fault"), [(ForgetfulLine, "lost"), (DoublingLine, "doubled"), (BackwardLine, "stale")]
)
async def test_the_checker_finds_a_planted_fault(
    doors: SystemUnderTest, clock: Clock, line: type[LyingLine], fault: str
) -> None:
    lines: list[LyingLine] = []

    def wrap(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        lines.append(line(inner))
        return lines[-1]

    storm = await play(doors, clock, phones=3, days=2, wrap=wrap, calm=True)

    assert sum(one.lies for one in lines) > 0
    found = {one.split(":")[0] for one in storm.history.list_faults(storm.final)}
    assert fault in found


async def test_the_checker_finds_nothing_where_nothing_was_planted(
    doors: SystemUnderTest, clock: Clock
) -> None:
    storm = await play(doors, clock, phones=3, days=2, calm=True)

    assert storm.history.list_faults(storm.final) == []
    assert len(storm.history.writes) > 5


def test_the_checker_finds_an_effect_that_is_seen_before_its_cause() -> None:
    first = Write("i1", "li", 1, "deed", 1, "先", {})
    second = Write("i2", "li", 1, "note", 1, "后", {"deed": 1})
    history = History([first, second, Read("li", 2, {"note": 1})])

    assert [one.split(":")[0] for one in history.list_faults({"deed": (1, "先"), "note": (1, "后")})] == [
        "causal"
    ]
