"""The story, over TCP, with a process killed in every step: it ends the same, nothing twice, nothing missing."""

import asyncio
import os
import random
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from operations.demo.__main__ import STEPS
from operations.demo.admission import get_project_path
from operations.demo.fixtures import COUNTY, get_batch
from operations.demo.projects import get_fodder_project
from operations.demo.runner import DemoRun, Step
from operations.demo.users import DemoUser, derive_id
from tests.conftest import SQLITE, DatabaseTemplates
from tests.gateway.deployment import ADMIN_PASSWORD, Deployment, create_first_admin

VICTIMS = ("projects", "funds", "assets", "identity", "attendance", "gateway")
TURN_NUMBER = int(os.environ.get("STORY_TURN", "0" if SQLITE else "3"))
"""Which process dies in the first step; the two databases take different turns, STORY_TURN=0…5 takes them all."""

MAX_KILL_DELAY_S = 0.4
"""A step's first moments, in which the process dies at a moment drawn by the turn: before, within or after a request."""


@pytest.fixture
async def deployment(tmp_path: Path, templates: DatabaseTemplates) -> AsyncGenerator[Deployment]:
    made = Deployment(tmp_path, templates)
    for service in made.ports:
        made.start_service(service)
    try:
        for service in made.ports:
            made.wait_until_ready(service)
        yield made
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()
        for url in made.databases.values():
            templates.release_copy(url)


@pytest.mark.timeout(600)  # starts seven processes and kills one in every step, on whatever machine
async def test_the_story_ends_the_same_whatever_dies_in_its_steps(deployment: Deployment) -> None:
    assert create_first_admin(deployment, "boss", ADMIN_PASSWORD)[0] == 0
    async with httpx.AsyncClient(base_url=deployment.url, timeout=30) as http:
        moments = random.Random(TURN_NUMBER)
        story = DemoRun(http, DemoUser(http, "boss", ADMIN_PASSWORD))
        for number, step in enumerate(STEPS):
            victim = VICTIMS[(number + TURN_NUMBER) % len(VICTIMS)]
            async with asyncio.TaskGroup() as both:
                both.create_task(_kill_and_restart(deployment, victim, moments.uniform(0, MAX_KILL_DELAY_S)))
                told = both.create_task(_run_step(step, story))
            assert told.result(), step.title

        await _check_final_state(story)
        for step in STEPS:
            assert await step.run(story), f"{step.title} again"
        await _check_final_state(story)


async def _run_step(step: Step, story: DemoRun) -> str:
    return await step.run(story)


async def _kill_and_restart(deployment: Deployment, victim: str, after_s: float) -> None:
    await asyncio.sleep(after_s)
    deployment.kill_service(victim)
    deployment.start_service(victim)


async def _check_final_state(story: DemoRun) -> None:
    total, paid = get_batch().total, get_fodder_project().amount
    auditor = story.as_user("auditor")
    money = (await auditor.get(f"/funds/sources/{derive_id('source')}"))["figures"]
    assert (money["received"], money["allocated"], money["available"]) == (total, total, "0.00")
    assert (money["paid"], money["applied"]) == (paid, "0.00")
    projects = await auditor.get("/projects", region=COUNTY, count="exact")
    assert projects["total"] == 6
    assert sorted(one["state"] for one in projects["items"]) == ["closed", *["planned"] * 5]
    assert [one["paid"] for one in projects["items"] if one["state"] == "closed"] == [paid]
    assets = await auditor.get("/assets", project_id=derive_id("fodder"))
    assert sorted(one["original_value"] for one in assets["items"]) == ["1170000.00", "500000.00"]
    assert {one["state"] for one in assets["items"]} == {"handed_over"}
    chain = await auditor.get(f"/threads/project/{derive_id('fodder')}")
    assert {name: len(chain[name]) for name in ("payments", "progress", "inspections", "contracts")} == {
        "payments": 3,
        "progress": 2,
        "inspections": 1,
        "contracts": 1,
    }
    moves = await _list_project_moves(story)
    assert len(moves) == len(set(moves)), "every move of the project was told once"
    taps = await story.as_user("cadre").get("/attendance/check-ins", person="zeku.cadre")
    assert sorted(one["verdict"] for one in taps["items"]) == ["inside", "outside"]
    for service in ("projects", "funds", "assets", "attendance", "identity"):
        verified = await auditor.get(f"/{service}/log/verify")
        assert not verified["faults"], service


async def _list_project_moves(story: DemoRun) -> list[tuple[Any, Any]]:
    history = await story.as_user("auditor").get(
        f"{get_project_path(get_fodder_project())}/history", limit=200
    )
    return [
        (event["before"].get("state"), event["after"]["now"])
        for event in history["items"]
        if event["type"] == "project.moved"
    ]
