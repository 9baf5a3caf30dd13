"""The story, over TCP, with a process killed in every step: it ends the same, nothing twice, nothing missing."""

import asyncio
import os
import random
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded.story.__main__ import STEPS
from embedded.story.building import fodder
from embedded.story.facts import COUNTY, batch
from embedded.story.library import path
from embedded.story.people import Person
from embedded.story.telling import Step, Story, fixed_id
from tests.conftest import SQLITE, Templates
from tests.gateway.deployment import PASSWORD, Deployment, first_admin

VICTIMS = ("projects", "funds", "assets", "identity", "attendance", "gateway")
TURN = int(os.environ.get("STORY_TURN", "0" if SQLITE else "3"))
"""Which process dies in the first step; the two databases take different turns, STORY_TURN=0…5 takes them all."""

LONGEST_S = 0.4
"""A step's first moments, in which the process dies at a moment drawn by the turn: before, within or after a request."""


@pytest.fixture
async def deployment(tmp_path: Path, templates: Templates) -> AsyncGenerator[Deployment]:
    made = Deployment(tmp_path, templates)
    for service in made.ports:
        made.start(service)
    try:
        for service in made.ports:
            made.wait(service)
        yield made
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()
        for url in made.databases.values():
            templates.drop(url)


@pytest.mark.timeout(600)  # starts seven processes and kills one in every step, on whatever machine
async def test_the_story_ends_the_same_whatever_dies_in_its_steps(deployment: Deployment) -> None:
    assert first_admin(deployment, "boss", PASSWORD)[0] == 0
    async with httpx.AsyncClient(base_url=deployment.url, timeout=30) as http:
        moments = random.Random(TURN)
        story = Story(http, Person(http, "boss", PASSWORD))
        for number, step in enumerate(STEPS):
            victim = VICTIMS[(number + TURN) % len(VICTIMS)]
            async with asyncio.TaskGroup() as both:
                both.create_task(_power_cut(deployment, victim, moments.uniform(0, LONGEST_S)))
                told = both.create_task(_told(step, story))
            assert told.result(), step.title

        await _nothing_twice_nothing_missing(story)
        for step in STEPS:
            assert await step.tell(story), f"{step.title} again"
        await _nothing_twice_nothing_missing(story)


async def _told(step: Step, story: Story) -> str:
    return await step.tell(story)


async def _power_cut(deployment: Deployment, victim: str, after_s: float) -> None:
    await asyncio.sleep(after_s)
    deployment.kill(victim)
    deployment.start(victim)


async def _nothing_twice_nothing_missing(story: Story) -> None:
    total, paid = batch().total, fodder().amount
    auditor = story.as_("auditor")
    money = (await auditor.get(f"/funds/sources/{fixed_id('source')}"))["figures"]
    assert (money["received"], money["allocated"], money["available"]) == (total, total, "0.00")
    assert (money["paid"], money["applied"]) == (paid, "0.00")
    projects = await auditor.get("/projects", region=COUNTY, count="exact")
    assert projects["total"] == 6
    assert sorted(one["state"] for one in projects["items"]) == ["closed", *["planned"] * 5]
    assert [one["paid"] for one in projects["items"] if one["state"] == "closed"] == [paid]
    assets = await auditor.get("/assets", project_id=fixed_id("fodder"))
    assert sorted(one["original_value"] for one in assets["items"]) == ["1170000.00", "500000.00"]
    assert {one["state"] for one in assets["items"]} == {"handed_over"}
    chain = await auditor.get(f"/threads/project/{fixed_id('fodder')}")
    assert {name: len(chain[name]) for name in ("payments", "progress", "inspections", "contracts")} == {
        "payments": 3,
        "progress": 2,
        "inspections": 1,
        "contracts": 1,
    }
    moves = await _moves(story)
    assert len(moves) == len(set(moves)), "every move of the project was told once"
    taps = await story.as_("cadre").get("/attendance/check-ins", person="zeku.cadre")
    assert sorted(one["verdict"] for one in taps["items"]) == ["inside", "outside"]
    for service in ("projects", "funds", "assets", "attendance", "identity"):
        verified = await auditor.get(f"/{service}/log/verify")
        assert not verified["faults"], service


async def _moves(story: Story) -> list[tuple[Any, Any]]:
    history = await story.as_("auditor").get(f"{path(fodder())}/history", limit=200)
    return [
        (event["before"].get("state"), event["after"]["now"])
        for event in history["items"]
        if event["type"] == "project.moved"
    ]
