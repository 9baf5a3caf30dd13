"""Changes: a phone that reads on by its cursor holds what the caller may see, each row once, and nothing else."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event as sql_events

from shared.unit_of_work import ServiceContext
from tests.assets.factories_assets import build_asset
from tests.attendance.factories_attendance import create_post, get_json, post_json
from tests.attendance.test_visits import VISIT_BODY
from tests.clients import DISTRICT, VILLAGE, ServiceUnderTest
from tests.conftest import Clock
from tests.sync.factories_sync import DEED, build_deed, send_batch

OTHER_VILLAGE = "620602100202"
pytestmark = pytest.mark.usefixtures("post")


class Store:
    """What a phone keeps: rows by kind and id, and the cursor."""

    def __init__(self, client: httpx.AsyncClient, kinds: str = "") -> None:
        self.client = client
        self.kinds = kinds
        self.cursor = ""
        self.rows: dict[str, dict[str, Any]] = {}
        self.pages: list[Any] = []

    async def pull(self, **more: str) -> list[tuple[str, str]]:
        """Read until there is no more; what was sent, in its order."""
        sent: list[tuple[str, str]] = []
        for _ in range(60):
            query = {"cursor": self.cursor, "kinds": self.kinds, **more}
            answer = await self.client.get("/sync/changes", params=query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            more = {}
            self.pages.append(page)
            for kind in page["anew"]:
                self.rows[kind] = {}
            for one in page["records"]:
                self.rows.setdefault(one["kind"], {})[one["id"]] = one["row"]
                sent.append((one["kind"], one["id"]))
            for one in page["gone"]:
                self.rows.get(one["kind"], {}).pop(one["id"], None)
                sent.append(("gone", one["id"]))
            self.cursor = page["cursor"]
            if not page["more"]:
                return sent
        raise AssertionError("a phone never gets to the end")


@pytest.fixture
def store(phone: httpx.AsyncClient) -> Store:
    return Store(phone)


async def test_the_first_reading_gives_what_is_mine_and_the_second_nothing(
    store: Store, cadre: httpx.AsyncClient, attendance: ServiceUnderTest, clock: Clock
) -> None:
    deed = await post_json(cadre, "/attendance/deeds", {**DEED, "happened_on": "2024-05-18"})
    stranger = attendance.client_as("cadre", person="wang")
    await create_post(attendance.client_as("town_officer"), "wang", name="另一村")
    await post_json(stranger, "/attendance/deeds", {**DEED, "happened_on": "2024-05-18"})
    await store.pull()

    assert list(store.rows["deed"]) == [deed["id"]]
    assert store.rows["deed"][deed["id"]] == await get_json(cadre, f"/attendance/deeds/{deed['id']}") | {}
    assert len(store.rows["assignment"]) == 1
    assert len(store.rows["region"]) > 100
    assert await store.pull() == []


async def test_a_changed_record_comes_once_with_its_newest_state(
    store: Store, phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    await store.pull()
    deed = (await send_batch(phone, clock, build_deed(clock, "甲")))["results"][0]["body"]
    for words in ("第二次写的内容", "第三次写的内容"):
        address = f"/attendance/deeds/{deed['id']}"
        etag = (await cadre.get(address)).headers["etag"]
        await cadre.patch(address, json={"content": words}, headers={"If-Match": etag})

    assert await store.pull() == [("deed", deed["id"])]
    assert store.rows["deed"][deed["id"]]["content"] == "第三次写的内容"


async def test_records_made_with_their_parent_come_with_it(
    store: Store, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    await store.pull()
    await post_json(cadre, "/attendance/visits", VISIT_BODY)

    assert sorted(kind for kind, _ in await store.pull()) == ["follow_up", "visit"]
    (follow_up,) = store.rows["follow_up"].values()
    done = {"done_on": "2024-05-20", "result": "已报镇上"}
    await post_json(cadre, f"/attendance/follow-ups/{follow_up['id']}/finish", done, 200)
    assert await store.pull() == [("follow_up", follow_up["id"])]


async def test_what_left_my_scope_is_gone(
    sync: ServiceUnderTest, door: Callable[[str], ServiceUnderTest], clock: Clock
) -> None:
    clerk = Store(sync.client_as("village_clerk"), kinds="asset")
    bureau = door("assets").client_as("bureau")
    asset = await enter_asset(bureau, VILLAGE)
    await clerk.pull()
    assert list(clerk.rows["asset"]) == [asset["id"]]
    moved = await bureau.patch(
        f"/assets/{asset['id']}", json={"region": "620602101201"}, headers={"If-Match": asset["etag"]}
    )
    assert moved.status_code == 200, moved.text

    assert await clerk.pull() == [("gone", asset["id"])]
    assert clerk.rows["asset"] == {}


async def test_a_village_hears_of_the_stock_taking_of_its_district(
    sync: ServiceUnderTest, door: Callable[[str], ServiceUnderTest], clock: Clock
) -> None:
    clerk, stranger = (
        Store(sync.client_as("village_clerk", region), kinds="campaign")
        for region in (VILLAGE, OTHER_VILLAGE)
    )
    bureau = door("assets").client_as("bureau")
    asset = await enter_asset(bureau, VILLAGE)
    assert (await bureau.post(f"/assets/{asset['id']}/register", json={})).status_code == 200
    campaigns = []
    for year in (2023, 2024):
        body = {
            "region": DISTRICT,
            "name": f"{year}年清查",
            "starts_on": "2024-05-01",
            "ends_on": "2024-06-30",
        }
        campaigns.append((await post_json(bureau, "/assets/campaigns", body))["id"])
        sent = await clerk.pull()
        assert sent == [("campaign", campaigns[-1])], "with the first reading, and by the log"
        assert await stranger.pull() == []
    closed = await bureau.post(f"/assets/campaigns/{campaigns[0]}/cancel", json={"reason": "与年终清查合并"})
    assert closed.status_code == 200, closed.text
    assert await clerk.pull() == [("campaign", campaigns[0])]
    assert await stranger.pull() == [], "nor of what it never had"


async def enter_asset(bureau: httpx.AsyncClient, region: str) -> dict[str, Any]:
    answer = await bureau.post("/assets", json=build_asset(region=region))
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "etag": answer.headers["etag"]}


async def test_other_grants_send_what_may_be_seen_now(
    sync: ServiceUnderTest, store: Store, attendance: ServiceUnderTest, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    await post_json(cadre, "/attendance/deeds", {**DEED, "happened_on": "2024-05-18"})
    await store.pull()
    assert store.rows["deed"]
    store.client, before = sync.client_as("cadre", "620602101201", person="li"), len(store.pages)
    await store.pull()

    assert store.rows["deed"] == {}
    assert "deed" in [kind for page in store.pages[before:] for kind in page["anew"]]


async def test_a_cursor_of_another_person_or_none_at_all_is_refused(
    sync: ServiceUnderTest, store: Store
) -> None:
    await store.pull()
    other = sync.client_as("cadre", person="wang")
    refusal = await other.get("/sync/changes", params={"cursor": store.cursor})
    assert refusal.status_code == 403
    for broken in ("x", "eJw", store.cursor[:-9], "中"):
        assert (await other.get("/sync/changes", params={"cursor": broken})).status_code == 422


async def test_a_restored_service_answers_410_with_hashes_and_a_cursor_to_go_on(
    store: Store, attendance: ServiceUnderTest, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    await post_json(cadre, "/attendance/deeds", {**DEED, "happened_on": "2024-05-18"})
    await store.pull()
    await begin_new_epoch(attendance.context)
    refusal = await store.client.get("/sync/changes", params={"cursor": store.cursor})

    assert refusal.status_code == 410
    problem = refusal.json()
    lines = sorted(f"{id_}:{row['version']}\n" for id_, row in store.rows["deed"].items())
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert problem["hashes"]["deed"] == {"count": 1, "digest": digest}
    store.cursor = problem["cursor"]
    assert await store.pull() == []
    sent = await store.pull(anew="deed")
    assert [kind for kind, _ in sent] == ["deed"]


async def begin_new_epoch(context: ServiceContext) -> None:
    async with context.database.write() as session:
        from shared.events.epoch import EpochReason, begin_epoch

        await begin_epoch(session, EpochReason.RESTORED, context.clock())


async def test_a_service_that_is_away_is_named_and_goes_on_later(
    sync: ServiceUnderTest,
    store: Store,
    cadre: httpx.AsyncClient,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await store.pull()
    deed = await post_json(cadre, "/attendance/deeds", {**DEED, "happened_on": "2024-05-18"})
    monkeypatch.setattr(sync.context.clients, "is_not_deployed", lambda service: service == "attendance")
    assert await store.pull() == []
    assert [one["service"] for one in store.pages[-1]["missing"]] == ["attendance"]
    monkeypatch.undo()
    assert await store.pull() == [("deed", deed["id"])]


async def test_pages_are_small_and_lose_nothing(
    store: Store, cadre: httpx.AsyncClient, phone: httpx.AsyncClient, clock: Clock
) -> None:
    await store.pull()
    long = "做了一件实事" * 60
    ids = set()
    for at in range(3):
        items = [build_deed(clock, f"{at}/{nth} {long}") for nth in range(120)]
        ids |= {one["body"]["id"] for one in (await send_batch(phone, clock, *items))["results"]}
    store.pages.clear()
    sent = await store.pull()

    assert {id_ for kind, id_ in sent if kind == "deed"} == ids
    assert len(store.pages) > 1
    assert max(len(str(page).encode()) for page in store.pages) < 220_000
    fresh = Store(phone)
    await fresh.pull()
    assert set(fresh.rows["deed"]) == ids


async def test_a_page_takes_three_statements_of_a_service(
    store: Store, attendance: ServiceUnderTest, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    await store.pull()
    await post_json(cadre, "/attendance/visits", VISIT_BODY)
    await post_json(cadre, "/attendance/deeds", {**DEED, "happened_on": "2024-05-18"})
    statements: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    engine = attendance.context.database.reader.sync_engine
    sql_events.listen(engine, "before_cursor_execute", count)
    try:
        assert len(await store.pull()) == 3
    finally:
        sql_events.remove(engine, "before_cursor_execute", count)
    assert len([one for one in statements if not one.startswith(("BEGIN", "PRAGMA"))]) <= 3, statements
    clock.advance(timedelta(seconds=1))
