"""The feed shows each caller what changed in their regions, once, without gaps, at one cost however long the log."""

from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI

from shared.auth import Actor, Grant, May, Role
from shared.db import Database
from shared.events import feed
from tests.shared.factories_events import (
    CADRE,
    TOWN,
    CallableClock,
    WallPainted,
    build_app,
    build_context,
    create_client,
    format_position,
    list_log_rows,
    publish_wall_event,
)

VILLAGE, NEIGHBOUR_VILLAGE, OTHER_TOWN = "620602100201", "620602100202", "620602101201"


@pytest.fixture
def app(database: Database) -> FastAPI:
    return build_app(
        build_context(database, CallableClock()), feed.event_feed_router("walls", May.PROJECT_READ)
    )


async def _get_events(app: FastAPI, who: str, **params: Any) -> dict[str, Any]:
    async with create_client(app, who) as client:
        answer = await client.get("/walls/events", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _list_subjects(answer: Mapping[str, Any]) -> list[str]:
    return [item["subject"] for item in answer["items"]]


async def test_everybody_sees_the_changes_of_their_own_regions_only(app: FastAPI, database: Database) -> None:
    for region in (VILLAGE, NEIGHBOUR_VILLAGE, OTHER_TOWN):
        await publish_wall_event(database, region, region=region)

    seen = {who: _list_subjects(await _get_events(app, who)) for who in ("clerk", "town", "auditor")}

    assert seen == {
        "clerk": [VILLAGE],
        "town": [VILLAGE, NEIGHBOUR_VILLAGE],
        "auditor": [VILLAGE, NEIGHBOUR_VILLAGE, OTHER_TOWN],
    }


async def test_a_reader_goes_on_from_where_it_stopped(app: FastAPI, database: Database) -> None:
    for version in range(5):
        await publish_wall_event(database, "n", version)
    seen: list[int] = []
    answer: dict[str, Any] = {"next": "", "more": True}
    while answer["more"]:
        answer = await _get_events(app, "clerk", after=answer["next"], limit=2)
        seen += [item["subject_version"] for item in answer["items"]]
    await publish_wall_event(database, "n", 5)
    later = await _get_events(app, "clerk", after=answer["next"])

    assert seen == [0, 1, 2, 3, 4]
    assert [item["subject_version"] for item in later["items"]] == [5]
    assert later["more"] is False


async def test_the_cursor_moves_past_what_the_caller_may_not_see(app: FastAPI, database: Database) -> None:
    await publish_wall_event(database, "there", region=OTHER_TOWN)
    answer = await _get_events(app, "clerk")

    assert (answer["items"], answer["more"]) == ([], False)
    last = (await list_log_rows(database))[-1]
    assert answer["next"] == await format_position(database, last)


async def test_one_answer_looks_at_a_bounded_stretch_of_the_log(
    app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "SCAN_WINDOW_ROWS", 3)
    for version in range(7):
        await publish_wall_event(database, "there", version, region=OTHER_TOWN)
    await publish_wall_event(database, "here")
    answers: list[dict[str, Any]] = [{"next": "", "more": True}]
    while answers[-1]["more"]:
        answers.append(await _get_events(app, "clerk", after=answers[-1]["next"]))

    assert [_list_subjects(answer) for answer in answers[1:]] == [[], [], ["here"]]


async def test_topics_and_one_record_can_be_asked_for(app: FastAPI, database: Database) -> None:
    await publish_wall_event(database, "n", 1)
    await publish_wall_event(database, "n", 2, WallPainted())
    await publish_wall_event(database, "s", 3)

    painted = await _get_events(app, "clerk", types="wall.painted,wall.felled")
    north = await _get_events(app, "clerk", subject="n")

    assert [item["subject_version"] for item in painted["items"]] == [2]
    assert [item["subject_version"] for item in north["items"]] == [1, 2]


async def test_cloudevents_are_answered_when_asked_for(app: FastAPI, database: Database) -> None:
    await publish_wall_event(database, "n", 7)
    async with create_client(app, "clerk") as client:
        answer = await client.get(
            "/walls/events?types=wall.built", headers={"Accept": "application/cloudevents-batch+json"}
        )
        (row,) = await list_log_rows(database)
        again = await client.get(answer.links["next"]["url"])

    assert answer.headers["content-type"] == "application/cloudevents-batch+json"
    (event,) = answer.json()
    assert event == {
        "specversion": "1.0",
        "id": str(row.id),
        "source": "http://127.0.0.1:8000/api/v1/walls",
        "type": "cn.xianjie.wall.built.v1",
        "subject": "n",
        "time": "2023-06-09T01:00:00+00:00",
        "datacontenttype": "application/json",
        "sequence": await format_position(database, row),
        "subjectversion": 7,
        "region": VILLAGE,
        "actor": "clerk",
        "person": "clerk",
        "ingestedat": "2023-06-09T01:00:00+00:00",
        "data": {"before": {}, "after": {"height": 1}, "reason": ""},
    }
    assert again.json()["items"] == []
    assert dict(answer.links["next"])["url"].startswith("/walls/events?types=wall.built&after=")


@pytest.mark.parametrize("params", [{"after": "never"}, {"limit": 0}, {"limit": 501}, {"after": "1.2.3"}])
async def test_what_cannot_be_read_is_refused(app: FastAPI, params: dict[str, Any]) -> None:
    async with create_client(app, "clerk") as client:
        assert (await client.get("/walls/events", params=params)).status_code == 422


async def test_who_may_not_read_the_service_may_not_read_its_feed(app: FastAPI) -> None:
    async with create_client(app, "admin") as admin, create_client(app, "stranger") as stranger:
        assert (await admin.get("/walls/events")).status_code == 403
        assert (await stranger.get("/walls/events")).status_code == 401


def test_the_scope_changes_with_the_grants_and_not_otherwise() -> None:
    same = Actor(TOWN.id, "改名", TOWN.grants)
    more = Actor(TOWN.id, TOWN.name, (*TOWN.grants, Grant(Role.TOWN_OFFICER, "620602101000")))
    moved = Actor(TOWN.id, TOWN.name, (Grant(Role.TOWN_OFFICER, "620602101000"),))

    scopes = [feed.scope_fingerprint(actor, May.PROJECT_READ) for actor in (TOWN, same, more, moved)]

    assert scopes[0] == scopes[1]
    assert len(set(scopes)) == 3


async def test_who_may_see_only_their_own_sees_only_what_they_did(database: Database) -> None:
    app = build_app(
        build_context(database, CallableClock()), feed.event_feed_router("walls", May.PRESENCE_READ)
    )
    await publish_wall_event(database, "n", 1)
    await publish_wall_event(database, "n", 2, actor=CADRE)

    assert [item["subject_version"] for item in (await _get_events(app, "cadre"))["items"]] == [2]
