"""A phone of two cadres: an outbox and a store on its disk, a wrong clock, and an app that is killed."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import rfc8785
from joserfc import jws
from joserfc.jwk import ECKey

from services.sync.delegation import SIGNED_MEMBERS
from shared.db import new_id
from tests.attendance.factories_attendance import build_check_in
from tests.conftest import Clock
from tests.sync.bad_network import BadNetwork
from tests.sync.causal_checker import History, Read, Write
from tests.sync.factories_sync import DEED, PREFIX

MAX_TRIES = 4
KILLED_SHARE = 0.06
"""How often the app is killed between an answer and the disk."""


class AppKilled(Exception):
    """The app ends here; what is not on the disk is gone."""


def sign_item(item: dict[str, Any], pair: ECKey) -> dict[str, Any]:
    """The item with the signature of its person's key."""
    header = {"alg": "ES256", "kid": pair.thumbprint()}
    signed = {name: item[name] for name in SIGNED_MEMBERS if name in item}
    return {
        **item,
        "signature": jws.serialize_compact(header, rfc8785.dumps(signed), pair, algorithms=["ES256"]),
    }


@dataclass
class Cadre:
    """A person, the key of their phones, and their line from each phone."""

    account: str
    pair: ECKey
    check_ins: set[str] = field(default_factory=set)
    """Check-ins that were acknowledged."""


class SimulatedPhone:
    """One phone; `disk` outlives the app."""

    def __init__(
        self, number: int, lines: dict[str, httpx.AsyncClient], cadres: dict[str, Cadre], clock: Clock,
        history: History, random: Random,
    ) -> None:  # fmt: skip
        self.number, self.lines, self.cadres = number, lines, cadres
        self.clock, self.history, self.random = clock, history, random
        self.clock_error = timedelta(minutes=random.choice([0, 0, 1, -50, 180, -4000, 4000]))
        self.user = next(iter(cadres))
        self.state: dict[str, Any] = {
            "outbox": [],
            "stores": {account: {"rows": {}, "cursor": ""} for account in cadres},
            "conflicts": [],
            "refusals": [],
        }
        self.disk = ""
        self.save()
        self.kills = 0

    def save(self) -> None:
        """Write the state to the disk."""
        self.disk = json.dumps(self.state)

    def survive(self) -> None:
        """Go on, or be killed: the next start has what the disk has."""
        if self.random.random() < KILLED_SHARE:
            self.kills += 1
            self.state = json.loads(self.disk)
            raise AppKilled

    def see(self, account: str) -> dict[str, int]:
        """What a user of this phone sees: record → version."""
        rows = self.state["stores"][account]["rows"]
        return {record: row["version"] for record, row in rows.items()}

    def record(self) -> None:
        """The user records one thing, which is on the disk before the app says so."""
        kind = self.random.choice(["deed", "named", "edit", "edit", "check_in"])
        rows = self.state["stores"][self.user]["rows"]
        mark = f"{PREFIX}{self.user} {new_id().hex}"
        body: Any = {**DEED, "happened_on": "2024-05-18", "content": mark}
        if kind == "check_in":
            self._add("POST", "/attendance/check-ins", self._build_check_in())
        elif kind == "edit" and rows:
            record = self.random.choice(sorted(rows))
            match = f'"{rows[record]["version"]}"'
            self._add("PATCH", f"/attendance/deeds/{record}", {"content": mark}, if_match=match)
        elif kind == "named":
            record = str(new_id())
            first = self._add("POST", "/attendance/deeds", {**body, "id": record})
            change = {"content": f"{mark} 改"}
            path = f"/attendance/deeds/{record}"
            self._add("PATCH", path, change, if_match='"1"', after=[first])
        else:
            self._add("POST", "/attendance/deeds", {**body, "id": str(new_id())})
        self.save()

    def _build_check_in(self) -> dict[str, Any]:
        return build_check_in(self.clock, at=self.clock.now() + self.clock_error)

    def _add(self, method: str, path: str, body: dict[str, Any], **members: Any) -> str:
        is_check_in = path.endswith("check-ins")
        item = {
            "id": body["id"] if is_check_in else str(new_id()),
            "method": method,
            "path": f"/api/v1{path}",
            "body": body,
            "recorded_at": (self.clock.now() + self.clock_error).isoformat(),
            "recorded_by": self.user,
            **members,
        }
        signed = sign_item(item, self.cadres[self.user].pair)
        self.state["outbox"].append({"item": signed, "causes": self.see(self.user)})
        return str(item["id"])

    async def send(self, *, everything: bool = False) -> None:
        """Send the outbox: the user's own items, and often those of the person who is not here."""
        with_absent = everything or self.random.random() < 0.6
        items = [
            one["item"]
            for one in self.state["outbox"]
            if with_absent or one["item"]["recorded_by"] == self.user
        ]
        if not items:
            return
        if self.random.random() < 0.3:
            self.random.shuffle(items)  # an outbox that was put together from two
        sent_at = (self.clock.now() + self.clock_error).isoformat()
        answer = await self._ask("POST", "/sync/batch", json={"sent_at": sent_at, "items": items})
        if answer is None:
            return
        acknowledged = self._take_results({one["id"]: one for one in answer["results"]})
        self.survive()
        self.save()
        self.history.events += acknowledged

    def _take_results(self, results: dict[str, dict[str, Any]]) -> list[Write]:
        acknowledged = []
        left = []
        for entry in self.state["outbox"]:
            result = results.get(entry["item"]["id"], {"verdict": "held"})
            verdict = result["verdict"]
            if verdict in {"applied", "duplicate"}:
                acknowledged += self._take_answer(entry, result["body"])
            elif verdict == "held":
                left.append(entry)
            else:
                self.state["conflicts" if verdict == "conflict" else "refusals"].append(result)
        self.state["outbox"] = left
        return acknowledged

    def _take_answer(self, entry: dict[str, Any], row: dict[str, Any]) -> list[Write]:
        item = entry["item"]
        person = item["recorded_by"]
        if item["path"].endswith("check-ins"):
            self.cadres[person].check_ins.add(item["id"])
            return []
        rows = self.state["stores"][person]["rows"]
        if rows.get(row["id"], {"version": 0})["version"] < row["version"]:
            rows[row["id"]] = {"version": row["version"]}
        return [
            Write(item["id"], person, self.number, row["id"], row["version"], row["content"], entry["causes"])
        ]

    async def read(self) -> None:
        """Read all changes, page by page; each page is on the disk with its cursor."""
        store = self.state["stores"][self.user]
        for _ in range(50):
            page = await self._ask(
                "GET", "/sync/changes", params={"cursor": store["cursor"], "kinds": "deed"}
            )
            if page is None:
                return
            if page["anew"]:
                store["rows"] = {}
            for one in page["records"]:
                store["rows"][one["id"]] = {"version": one["row"]["version"]}
            for one in page["gone"]:
                store["rows"].pop(one["id"], None)
            store["cursor"] = page["cursor"]
            self.survive()
            self.save()
            if not page["more"]:
                self.history.events.append(Read(self.user, self.number, self.see(self.user)))
                return

    async def _ask(self, method: str, path: str, **content: Any) -> Any:
        """The answer of the door; None when none came."""
        for _ in range(MAX_TRIES):
            try:
                answer = await self.lines[self.user].request(method, path, **content)
            except httpx.TransportError:
                continue
            assert answer.status_code == 200, answer.text
            return answer.json()
        return None

    async def live(self, items: int) -> None:
        """One part of a day: work, perhaps hand the phone over, perhaps have a signal."""
        try:
            for _ in range(items):
                self.record()
            if self.random.random() < 0.3:
                self.user = self.random.choice(sorted(self.cadres))
            if self.random.random() < 0.7:
                await self.send()
                await self.read()
        except AppKilled:
            return

    async def settle(self) -> None:
        """Back in town: each user sends what is left, and reads."""
        for account in self.cadres:
            self.user = account
            try:
                await self.send(everything=True)
                await self.read()
            except AppKilled:
                continue

    def heal_lines(self) -> None:
        """The line is good from now on."""
        for line in self.lines.values():
            network = line._transport
            assert isinstance(network, BadNetwork)
            network.heal()
