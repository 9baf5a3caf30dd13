"""Who asks gets a copy of what all services hold about them, and nothing about anybody else."""

from typing import Any

import httpx

from tests.attendance.factories_attendance import get_json, post_json
from tests.clients import ServiceUnderTest
from tests.sample_files import build_picture

LEAVE = {"kind": "personal", "starts_on": "2024-05-21", "ends_on": "2024-05-22", "why": "家中有事"}


def find_part(found: dict[str, Any], service: str) -> dict[str, Any]:
    """The part of one service."""
    part: dict[str, Any] = next(one for one in found["services"] if one["service"] == service)
    return part


async def test_a_person_gets_a_copy_of_their_own_data(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any
) -> None:
    photo = await cadre.post(
        "/attendance/files",
        params={"name": "a.jpg"},
        content=build_picture(),
        headers={"content-type": "image/jpeg"},
    )
    leave = await post_json(cadre, "/attendance/leaves", LEAVE)
    gate = attendance.system.service("gateway")
    own = await get_json(gate.client_as("cadre", person="li"), "/home/own-data")
    part = find_part(own, "attendance")
    held = {one["kind"]: one for one in part["records"]}

    assert [(row["id"], row["why"]) for row in held["leave"]["items"]] == [(leave["id"], "家中有事")]
    assert (held["assignment"]["count"], held["assignment"]["items"][0]["person"]) == (1, "li")
    assert [one["id"] for one in part["files"]] == [photo.json()["id"]]
    assert part["made"]["请假"] == 1
    assert (own["person"], own["missing"], own["account"]["account"]["id"]) == ("li", [], "li")
    assert len(own["services"]) == len(attendance.system.apps) - 1

    for other in (gate.client_as("cadre", person="wang"), gate.client_as("bureau", person="boss")):
        theirs = find_part(await get_json(other, "/home/own-data"), "attendance")
        assert [one for one in theirs["records"] if one["items"]] == theirs["files"] == []
    second = gate.client_as("village_clerk", person="li.2", accounts=["li"])
    assert find_part(await get_json(second, "/home/own-data"), "attendance")["files"] == part["files"]
    await get_json(gate.anonymous_client(), "/home/own-data", 401)
