"""`python -m operations.chaos --kills 200 --seed 1`: kills services and PostgreSQL under mixed load, then checks what was promised.

Starts one process per service with PostgreSQL (or SQLite, `--sqlite`) behind Caddy in a temporary folder. Writers register
fund documents (entries in the ledger) and declare projects (events for two other services), each with an Idempotency-Key,
and repeat a request until it is answered. Meanwhile processes end by SIGKILL, PostgreSQL by an immediate shutdown, in an
order that follows from the seed. In the end everything that was acknowledged must be present, once, in books that balance,
and delivered to every subscriber.
"""

import argparse
import asyncio
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql

from operations.installation import list_data_services
from operations.postgres_server import PostgresServer

PASSWORD = "Xianjie-2022"  # noqa: S105 - demo accounts of a temporary system
DATABASE_SERVER = "postgres"
WRITERS = 4
START_TIMEOUT_S = 300.0
PROGRESS_TIMEOUT_S = 30.0
"""Seconds after a kill in which something is acknowledged again, before the next one comes all the same."""
ANSWER_TIMEOUT_S = 240.0
"""Seconds in which a request must be acknowledged, and in the end every event delivered."""
UNLIMITED = json.dumps(
    dict.fromkeys(("login_account", "login_address", "user_read", "user_write", "address"), "1000000/second")
)
VILLAGE, DISTRICT = "620602100200", "620602000000"


@dataclass
class Promises:
    """What was acknowledged: id by the name that the writer gave."""

    sources: dict[str, str] = field(default_factory=dict)
    projects: dict[str, str] = field(default_factory=dict)
    retries: int = 0

    def count(self) -> int:
        """How much was acknowledged so far."""
        return len(self.sources) + len(self.projects)


class RunningSystem:
    """The processes of one run."""

    def __init__(self, folder: Path, *, sqlite: bool) -> None:
        self.home = folder / "var"
        self.server = None if sqlite else PostgresServer()
        self._environment = {
            **os.environ, "XIANJIE_RATES": UNLIMITED, "XIANJIE_MAX_RESTART_DELAY": "1", "XIANJIE_QUEUE_SECONDS": "0",
        }  # fmt: skip

    async def start(self) -> str:
        """Start everything; the door's address."""
        if self.server is not None:
            self.server.start()
            for name in list_data_services():
                url = f"{self.server.url}/{name}"
                with psycopg.connect(f"{self.server.url}/postgres", autocommit=True) as connection:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
                self._environment[f"{name.upper()}_DATABASE_URL"] = url
        self.log = (self.home.parent / "log").open("w")
        self.keeper = subprocess.Popen(  # noqa: ASYNC220, S603 - our own command
            [sys.executable, "-m", "embedded.processes", "--port", "0", "--var", str(self.home)],
            env=self._environment, stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + START_TIMEOUT_S
        while not (self.home / "processes.json").exists():
            if self.keeper.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.home.parent / "log").read_text()[-2000:])
            await asyncio.sleep(0.1)
        return f"http://127.0.0.1:{self._read_processes()['door']['port']}"

    def _read_processes(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "processes.json").read_text("utf-8"))
        return found

    def list_victims(self) -> list[str]:
        """Everything that may be killed; the door is not: its clients would only connect again."""
        names = [name for name in self._read_processes() if name != "door"]
        return sorted(names) + ([DATABASE_SERVER] if self.server is not None else [])

    async def kill(self, name: str) -> bool:
        """End a process without warning; False when it is not running just now."""
        if name == DATABASE_SERVER and self.server is not None:
            self.server.kill()
            await asyncio.to_thread(self.server.start)
            return True
        try:
            os.kill(self._read_processes()[name]["pid"], signal.SIGKILL)
        except (ProcessLookupError, TypeError):
            return False
        return True

    def stop(self) -> None:
        """End everything."""
        self.keeper.terminate()
        self.keeper.wait(60)
        self.log.close()
        if self.server is not None:
            self.server.remove()


class Person:
    """A demo account that repeats every request until it is answered."""

    def __init__(self, http: httpx.AsyncClient, name: str, promises: Promises) -> None:
        self.http, self.name, self.promises = http, name, promises
        self._token = ""

    async def ask(self, method: str, path: str, *, key: str = "", **options: Any) -> Any:  # noqa: ANN401 - JSON
        """The answer's JSON; RuntimeError when it is refused, or not acknowledged in time."""
        until = time.monotonic() + ANSWER_TIMEOUT_S
        while time.monotonic() < until:
            try:
                if not self._token:
                    await self._sign_in()
                headers = {"Authorization": f"Bearer {self._token}"} | (
                    {"Idempotency-Key": key} if key else {}
                )
                answer = await self.http.request(method, f"/api/v1{path}", headers=headers, **options)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.is_success:
                return answer.json()
            if answer is not None and answer.status_code == httpx.codes.UNAUTHORIZED:
                self._token = ""
            elif answer is not None and answer.status_code not in {409, 429, 503, 504}:
                raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:400]}")
            self.promises.retries += 1
            await asyncio.sleep(0.1)
        raise RuntimeError(f"{method} {path}: not answered in {ANSWER_TIMEOUT_S:.0f} s")

    async def _sign_in(self) -> None:
        form = {"grant_type": "password", "username": self.name, "password": PASSWORD}
        answer = await self.http.post("/api/v1/auth/token", data=form)
        if answer.is_success:
            self._token = answer.json()["access_token"]
        else:
            raise httpx.ConnectError(f"sign-in: {answer.status_code}")


async def register_source(finance: Person, number: int, promises: Promises) -> None:
    """A fund document with its entry in the ledger."""
    name = f"甘财农〔2024〕{number + 1}号"
    body = {
        "region": DISTRICT, "document_no": name, "title": f"混沌测试第{number}批资金", "fiscal_year": 2024,
        "level": "central", "fund": "bridging", "amount": f"{number + 1}0000.00",
        "document_date": "2024-05-06", "received_on": "2024-05-08",
    }  # fmt: skip
    source = await finance.ask("POST", "/funds/sources", key=f"source-{number}", json=body)
    promises.sources[name] = source["id"]


async def create_project(clerk: Person, number: int, promises: Promises) -> None:
    """A project's draft, corrected once."""
    name = f"混沌测试第{number}号道路硬化项目"
    body = {
        "region": VILLAGE, "name": name, "content": f"硬化道路{number + 1}公里, 宽3.5米", "category": "1.1.1", "year": 2024,
        "total": "100000.00", "money": [{"kind": "central", "amount": "100000.00"}],
    }  # fmt: skip
    project = await clerk.ask("POST", "/projects", key=f"project-{number}", json=body)
    promises.projects[name] = project["id"]


async def write_until(
    end: asyncio.Event, write: Callable[[Person, int, Promises], Awaitable[None]], who: Person, first: int
) -> None:
    """Write one after the other, every writer with numbers of its own."""
    number = first
    while not end.is_set():
        await write(who, number, who.promises)
        number += WRITERS


async def kill_at_random(
    system: RunningSystem, kills: int, rng: random.Random, promises: Promises, end_at: float = math.inf
) -> dict[str, int]:
    """Kill that many times, each time after something more was acknowledged; the number by victim. Ends early at `end_at`."""
    done: dict[str, int] = {}
    while sum(done.values()) < kills and time.monotonic() < end_at:
        before, until = promises.count(), time.monotonic() + PROGRESS_TIMEOUT_S
        name = rng.choice(system.list_victims())
        if await system.kill(name):
            done[name] = done.get(name, 0) + 1
        await asyncio.sleep(rng.uniform(0.05, 1.0))
        while promises.count() == before and time.monotonic() < until:  # noqa: ASYNC110 - a count, no event
            await asyncio.sleep(0.02)
    return done


async def find_broken_promises(http: httpx.AsyncClient, promises: Promises) -> list[str]:
    """What was acknowledged and is not so."""
    finance, bureau, admin = (Person(http, name, promises) for name in ("finance", "bureau", "admin"))
    found = []
    for path, kept in (("/funds/sources", promises.sources), ("/projects", promises.projects)):
        rows = await _list_all(bureau if path == "/projects" else finance, path)
        label = "name" if path == "/projects" else "document_no"
        for name, identity in kept.items():
            ids = [row["id"] for row in rows if row[label] == name]
            if ids != [identity]:
                found.append(f"{path} {name}: acknowledged {identity}, present {ids or 'nowhere'}")
    trial = await finance.ask("GET", "/funds/ledger/trial")
    if not trial["balanced"] or trial["debits"] != trial["credits"]:
        found.append(f"ledger: {trial['debits']} ≠ {trial['credits']}, {trial['lopsided_entries']} entries")
    found += await _wait_for_deliveries(admin)
    return found


async def _list_all(who: Person, path: str) -> list[dict[str, Any]]:
    rows, query = [], {"limit": 200}
    while True:
        page = await who.ask("GET", path, params=query)
        rows += page["items"]
        if not page["next_cursor"]:
            return rows
        query = {"limit": 200, "cursor": page["next_cursor"]}


async def _wait_for_deliveries(admin: Person) -> list[str]:
    until, late = time.monotonic() + ANSWER_TIMEOUT_S, ["not asked"]
    while late and time.monotonic() < until:
        late = []
        for service in list_data_services():
            answer = await admin.ask("GET", f"/{service}/log/cursors")
            late += [
                f"{service} → {one['subscriber']}: {one['waiting']} wait, {one['parked']} parked {one['last_error']}"
                for one in answer["items"] if one["waiting"] or one["parked"]
            ]  # fmt: skip
        await asyncio.sleep(0.2 if late else 0)
    return late


async def run_chaos(
    kills: int,
    seed: int,
    *,
    sqlite: bool,
    promises: Promises | None = None,
    minutes: float = math.inf,
) -> tuple[list[str], list[str]]:
    """Lines of the report, and the promises that were broken; `promises` keeps what was acknowledged.

    After `minutes` nothing more is killed, and what was acknowledged until then is checked.
    """
    promises = promises or Promises()
    folder = Path(tempfile.mkdtemp(prefix="xianjie-chaos-"))
    system, rng = RunningSystem(folder, sqlite=sqlite), random.Random(seed)  # noqa: S311 - repeatable
    try:
        url = await system.start()
        began = time.monotonic()
        async with httpx.AsyncClient(base_url=url, timeout=15) as http:
            end, finance, clerk = (
                asyncio.Event(),
                Person(http, "finance", promises),
                Person(http, "village_clerk", promises),
            )
            writers = [
                asyncio.create_task(write_until(end, write, who, first))
                for write, who in ((register_source, finance), (create_project, clerk))
                for first in range(WRITERS)
            ]
            done = await kill_at_random(system, kills, rng, promises, began + 60 * minutes)
            end.set()
            ended = await asyncio.gather(*writers, return_exceptions=True)
            broken = [str(one) for one in ended if one is not None]
            broken += await find_broken_promises(http, promises)
    finally:
        system.stop()
        shutil.rmtree(folder, ignore_errors=True)
    victims = ", ".join(f"{name} {number}" for name, number in sorted(done.items()))
    lines = [
        f"seed {seed}: {sum(done.values())} kills in {time.monotonic() - began:.0f} s ({victims})",
        f"acknowledged: {len(promises.sources)} fund documents, {len(promises.projects)} projects",
        f"requests repeated: {promises.retries}",
    ]
    return lines, broken


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--minutes", type=float, default=math.inf, help="kill no more after so many minutes")
    asked = parser.parse_args(arguments)
    lines, broken = asyncio.run(
        run_chaos(asked.kills, asked.seed, sqlite=asked.sqlite, minutes=asked.minutes)
    )
    lines += broken or ["all of it present, once, balanced, delivered"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
