"""The demonstration over TCP while processes are killed: the final state has no lost or repeated record."""

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
from operations.demo.runner import DemoRun, DemoStep
from operations.demo.users import DemoUser, derive_id
from shared.events import LEASE_DURATION
from tests.conftest import SQLITE, DatabaseTemplates
from tests.gateway.deployment import ADMIN_PASSWORD, Deployment, create_first_admin

VICTIMS = ("projects", "funds", "assets", "identity", "attendance", "gateway")
TURN_NUMBER = int(os.environ.get("STORY_TURN", "0" if SQLITE else "3"))
"""Index of the process killed in the first step; each database has its own default, STORY_TURN=0…5 selects others."""
IS_WHOLE_TURN = "STORY_TURN" in os.environ
"""A turn that was asked for kills in every step; otherwise each database takes every second step, together all."""

EVENTS_WAIT_S = 2 * LEASE_DURATION.total_seconds()
"""A delivery within which its process died is made again when its lease has ended."""

MAX_KILL_DELAY_S = 0.4
"""The process is killed at a random moment of this many seconds after the start of a step."""


@pytest.fixture
async def deployment(tmp_path: Path, templates: DatabaseTemplates) -> AsyncGenerator[Deployment]:
    deployment = Deployment(tmp_path, templates, images=False)
    deployment.environments["identity"]["XIANJIE_SECOND_FACTOR"] = "false"  # the demo's people hold no phones
    for service in deployment.ports:
        deployment.start_service(service)
    try:
        for service in deployment.ports:
            deployment.wait_until_ready(service)
        door = deployment.start_door()
        yield deployment
        door.kill()
        door.wait()
    finally:
        for process in deployment.running.values():
            process.kill()
            process.wait()
        for url in deployment.databases.values():
            templates.release_copy(url)


@pytest.mark.timeout(600)  # starts seven processes and kills them in turn, on whatever machine
async def test_the_demonstration_ends_in_the_same_state_whatever_process_dies(deployment: Deployment) -> None:
    assert create_first_admin(deployment, "boss", ADMIN_PASSWORD)[0] == 0
    async with httpx.AsyncClient(base_url=deployment.url, timeout=30) as http:
        moments = random.Random(TURN_NUMBER)
        demo = DemoRun(http, DemoUser(http, "boss", ADMIN_PASSWORD))
        for number, step in enumerate(STEPS):
            victim = VICTIMS[(number + TURN_NUMBER) % len(VICTIMS)]
            delay = moments.uniform(0, MAX_KILL_DELAY_S)
            async with asyncio.TaskGroup() as both:
                if IS_WHOLE_TURN or number % 2 == SQLITE:
                    both.create_task(_kill_and_restart(deployment, victim, delay))
                result = both.create_task(_run_step(step, demo))
            assert result.result(), step.title

        await _wait_for_events(demo)
        await _check_final_state(demo)
        for step in STEPS:
            assert await step.run(demo), f"{step.title} again"
        await _check_final_state(demo)


async def _run_step(step: DemoStep, demo: DemoRun) -> str:
    return await step.run(demo)


async def _kill_and_restart(deployment: Deployment, victim: str, after_s: float) -> None:
    await asyncio.sleep(after_s)
    deployment.kill_service(victim)
    deployment.start_service(victim)


async def _wait_for_events(demo: DemoRun) -> None:
    """Wait until the last payment has arrived at the project."""
    path = get_project_path(get_fodder_project())
    async with asyncio.timeout(EVENTS_WAIT_S):
        while (await demo.as_user("auditor").get(path))["paid"] != get_fodder_project().amount:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.5)


async def _check_final_state(demo: DemoRun) -> None:
    total, paid = get_batch().total, get_fodder_project().amount
    auditor = demo.as_user("auditor")
    money = (await auditor.get(f"/funds/sources/{derive_id('source')}"))["figures"]
    assert (money["received"], money["allocated"], money["available"]) == (total, total, "0.00")
    assert (money["paid"], money["applied"]) == (paid, "0.00")
    projects = await auditor.get("/projects", region=COUNTY, count="exact")
    assert projects["total"] == 6
    assert sorted(project["state"] for project in projects["items"]) == ["closed", *["planned"] * 5]
    assert [project["paid"] for project in projects["items"] if project["state"] == "closed"] == [paid]
    assets = await auditor.get("/assets", project_id=derive_id("fodder"))
    assert sorted(asset["original_value"] for asset in assets["items"]) == ["1170000.00", "500000.00"]
    assert {asset["state"] for asset in assets["items"]} == {"handed_over"}
    thread = await auditor.get(f"/threads/project/{derive_id('fodder')}")
    assert {name: len(thread[name]) for name in ("payments", "progress", "inspections", "contracts")} == {
        "payments": 3,
        "progress": 2,
        "inspections": 1,
        "contracts": 1,
    }
    moves = await _list_project_moves(demo)
    assert len(moves) == len(set(moves)), "every transition of the project has exactly one event"
    check_ins = await demo.as_user("cadre").get("/attendance/check-ins", person="zeku.cadre")
    assert sorted(check_in["verdict"] for check_in in check_ins["items"]) == ["inside", "outside"]
    for service in ("projects", "funds", "assets", "attendance", "identity"):
        verified = await auditor.get(f"/{service}/log/verify")
        assert not verified["faults"], service


async def _list_project_moves(demo: DemoRun) -> list[tuple[Any, Any]]:
    history = await demo.as_user("auditor").get(
        f"{get_project_path(get_fodder_project())}/history", limit=200
    )
    return [
        (event["before"].get("state"), event["after"]["now"])
        for event in history["items"]
        if event["type"] == "project.moved"
    ]
