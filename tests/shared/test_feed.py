"""The feed shows each caller what changed in their regions, once, without gaps, at one cost however long the log."""

from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI

from shared import feed
from shared.access import Actor, Grant
from shared.db import Database
from shared.permissions import May, Role
from tests.shared.log_world import CADRE, TOWN, Clock, Painted, app_of, client_of, context_of, rows_of, write

HERE, NEIGHBOUR, OTHER_TOWN = "620602100201", "620602100202", "620602101201"


@pytest.fixture
def app(database: Database) -> FastAPI:
    return app_of(context_of(database, Clock()), feed.routes("walls", May.PROJECT_READ))


async def _get(app: FastAPI, who: str, **params: Any) -> dict[str, Any]:
    async with client_of(app, who) as client:
        answer = await client.get("/walls/events", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _subjects(answer: Mapping[str, Any]) -> list[str]:
    return [item["subject"] for item in answer["items"]]


async def test_everybody_sees_the_changes_of_their_own_regions_only(app: FastAPI, database: Database) -> None:
    for region in (HERE, NEIGHBOUR, OTHER_TOWN):
        await write(database, region, region=region)

    seen = {who: _subjects(await _get(app, who)) for who in ("clerk", "town", "auditor")}

    assert seen == {"clerk": [HERE], "town": [HERE, NEIGHBOUR], "auditor": [HERE, NEIGHBOUR, OTHER_TOWN]}


async def test_a_reader_goes_on_from_where_it_stopped(app: FastAPI, database: Database) -> None:
    for version in range(5):
        await write(database, "n", version)
    seen: list[int] = []
    answer: dict[str, Any] = {"next": "", "more": True}
    while answer["more"]:
        answer = await _get(app, "clerk", after=answer["next"], limit=2)
        seen += [item["subject_version"] for item in answer["items"]]
    await write(database, "n", 5)
    later = await _get(app, "clerk", after=answer["next"])

    assert seen == [0, 1, 2, 3, 4]
    assert [item["subject_version"] for item in later["items"]] == [5]
    assert later["more"] is False


async def test_the_cursor_moves_past_what_the_caller_may_not_see(app: FastAPI, database: Database) -> None:
    await write(database, "there", region=OTHER_TOWN)
    answer = await _get(app, "clerk")

    assert (answer["items"], answer["more"]) == ([], False)
    last = (await rows_of(database))[-1]
    assert answer["next"] == f"{last.tx:x}.{last.seq:x}"


async def test_one_answer_looks_at_a_bounded_stretch_of_the_log(
    app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WINDOW", 3)
    for version in range(7):
        await write(database, "there", version, region=OTHER_TOWN)
    await write(database, "here")
    answers: list[dict[str, Any]] = [{"next": "", "more": True}]
    while answers[-1]["more"]:
        answers.append(await _get(app, "clerk", after=answers[-1]["next"]))

    assert [_subjects(answer) for answer in answers[1:]] == [[], [], ["here"]]


async def test_topics_and_one_record_can_be_asked_for(app: FastAPI, database: Database) -> None:
    await write(database, "n", 1)
    await write(database, "n", 2, Painted())
    await write(database, "s", 3)

    painted = await _get(app, "clerk", types="wall.painted,wall.felled")
    north = await _get(app, "clerk", subject="n")

    assert [item["subject_version"] for item in painted["items"]] == [2]
    assert [item["subject_version"] for item in north["items"]] == [1, 2]


async def test_cloudevents_are_answered_when_asked_for(app: FastAPI, database: Database) -> None:
    await write(database, "n", 7)
    async with client_of(app, "clerk") as client:
        answer = await client.get(
            "/walls/events?types=wall.built", headers={"Accept": "application/cloudevents-batch+json"}
        )
        (row,) = await rows_of(database)
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
        "sequence": f"{row.tx:x}.{row.seq:x}",
        "subjectversion": 7,
        "region": HERE,
        "actor": "clerk",
        "ingestedat": "2023-06-09T01:00:00+00:00",
        "data": {"before": {}, "after": {"height": 1}, "reason": ""},
    }
    assert again.json()["items"] == []
    assert dict(answer.links["next"])["url"].startswith("/walls/events?types=wall.built&after=")


@pytest.mark.parametrize("params", [{"after": "never"}, {"limit": 0}, {"limit": 501}, {"after": "1.2.3"}])
async def test_what_cannot_be_read_is_refused(app: FastAPI, params: dict[str, Any]) -> None:
    async with client_of(app, "clerk") as client:
        assert (await client.get("/walls/events", params=params)).status_code == 422


async def test_who_may_not_read_the_service_may_not_read_its_feed(app: FastAPI) -> None:
    async with client_of(app, "admin") as admin, client_of(app, "stranger") as stranger:
        assert (await admin.get("/walls/events")).status_code == 403
        assert (await stranger.get("/walls/events")).status_code == 401


def test_the_scope_changes_with_the_grants_and_not_otherwise() -> None:
    same = Actor(TOWN.id, "改名", TOWN.grants)
    more = Actor(TOWN.id, TOWN.name, (*TOWN.grants, Grant(Role.TOWN_OFFICER, "620602101000")))
    moved = Actor(TOWN.id, TOWN.name, (Grant(Role.TOWN_OFFICER, "620602101000"),))

    scopes = [feed.scope_of(actor, May.PROJECT_READ) for actor in (TOWN, same, more, moved)]

    assert scopes[0] == scopes[1]
    assert len(set(scopes)) == 3


async def test_who_may_see_only_their_own_sees_only_what_they_did(database: Database) -> None:
    app = app_of(context_of(database, Clock()), feed.routes("walls", May.PRESENCE_READ))
    await write(database, "n", 1)
    await write(database, "n", 2, actor=CADRE)

    assert [item["subject_version"] for item in (await _get(app, "cadre"))["items"]] == [2]
