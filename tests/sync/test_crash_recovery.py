"""A process killed in the middle of a batch: nothing is lost, nothing doubled, by a phone that sends again or does not."""

import signal
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.sync.delegation import KnownPerson
from services.sync.items import service as items_service
from services.sync.items.service import replay_due_items
from shared.auth import Actor, Grant, Role
from shared.db.migrate import has_database
from tests.attendance.factories_attendance import get_json
from tests.clients import VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.sync import batch_worker
from tests.sync.factories_sync import build_check_in_item, build_deed, list_verdicts, send_batch
from tests.worker_processes import start_worker, wait_for_end

SECRETS = ("service_key", "service_public_keys", "data_keys", "index_key")


async def play_and_die(doors: SystemUnderTest, body: Any, survive: int) -> None:
    """Play a batch in another process on the same databases, which is killed after some items."""
    urls, secrets = {}, {}
    for name, app in doors.apps.items():
        context = app.state.context
        database: Any = context.database
        urls[name] = database.ensure_copy() if has_database(name) else "sqlite://"
        settings = context.settings.model_dump(mode="json")
        secrets[name] = {one: settings[one] for one in SECRETS}
    var = doors.apps["sync"].state.context.settings.var
    worker = start_worker(batch_worker.main, var, urls, secrets, body, survive)
    assert await wait_for_end(worker) == -signal.SIGKILL


async def list_contents(cadre: httpx.AsyncClient) -> list[str]:
    rows = (await get_json(cadre, "/attendance/deeds", limit=200))["items"]
    return sorted(str(row["content"])[-1] for row in rows)


@pytest.mark.usefixtures("post")
@pytest.mark.timeout(180)
async def test_a_batch_killed_in_the_middle_and_sent_again_doubles_nothing(
    doors: SystemUnderTest, phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    check_in = build_check_in_item(clock)
    items = [build_deed(clock, str(nth)) for nth in range(6)] + [check_in]
    await play_and_die(doors, {"sent_at": clock.now().isoformat(), "items": items}, 3)
    assert await list_contents(cadre) == ["0", "1", "2"]
    assert (await get_json(cadre, f"/attendance/check-ins/{check_in['id']}"))["result"] == "applied"
    batch = (await get_json(phone, "/sync/batches"))["items"][0]
    before = (await get_json(phone, f"/sync/batches/{batch['id']}"))["results"]
    assert [one["reason"] for one in before] == ["unfinished"] * 6

    answer = await send_batch(phone, clock, *items)
    assert answer["batch_id"] == batch["id"]
    assert list_verdicts(answer) == ["duplicate"] * 3 + ["applied"] * 3 + ["duplicate"]
    assert len((await get_json(cadre, "/attendance/check-ins"))["items"]) == 1
    assert await list_contents(cadre) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.usefixtures("post")
@pytest.mark.timeout(180)
async def test_a_batch_killed_in_the_middle_is_finished_without_its_phone(
    doors: SystemUnderTest, sync: ServiceUnderTest, phone: httpx.AsyncClient, cadre: httpx.AsyncClient,
    clock: Clock, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    items = [build_deed(clock, str(nth)) for nth in range(4)]
    await play_and_die(doors, {"sent_at": clock.now().isoformat(), "items": items}, 2)
    person = KnownPerson(Actor("li", "li", (Grant(Role.CADRE, VILLAGE),)), {})

    async def find_person(_context: Any, account: str) -> Any:
        assert account == "li"
        return person

    monkeypatch.setattr(items_service, "find_person", find_person)
    await replay_due_items(sync.context)
    assert len(await list_contents(cadre)) == 2, "another process may still be playing them"
    clock.advance(timedelta(seconds=61))
    await replay_due_items(sync.context)

    assert await list_contents(cadre) == ["0", "1", "2", "3"]
    batch = (await get_json(phone, "/sync/batches"))["items"][0]
    results = (await get_json(phone, f"/sync/batches/{batch['id']}"))["results"]
    assert {one["verdict"] for one in results} <= {"applied", "duplicate"}
