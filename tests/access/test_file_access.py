"""A file is as readable as a record that holds it."""

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from shared.db import execute_core, file_holder
from shared.files.holders import note_holders_of_old_files
from tests.attendance.factories_attendance import build_check_in, create_post, post_json
from tests.clients import DISTRICT, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.sample_files import build_pdf, build_picture

LEAVE = {"kind": "sick", "starts_on": "2024-05-22", "ends_on": "2024-05-22", "why": "住院"}
PDF = {"Content-Type": "application/pdf"}


async def _upload(client: httpx.AsyncClient, service: str, name: str = "诊断书.pdf") -> str:
    content = build_picture() if name.endswith("jpg") else build_pdf(name)
    kind = {"Content-Type": "image/jpeg"} if name.endswith("jpg") else PDF
    answer = await client.post(f"/{service}/files", params={"name": name}, content=content, headers=kind)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _ask(
    service: ServiceUnderTest, file_id: str, role: str, region: str = "", **claims: Any
) -> set[int]:
    client = service.client_as(role, region, **claims)
    address = f"/{service.name}/files/{file_id}"
    return {(await client.get(address)).status_code, (await client.get(f"{address}/content")).status_code}


@pytest.fixture
async def attendance(doors: SystemUnderTest) -> ServiceUnderTest:
    service = doors.service("attendance")
    await create_post(service.client_as("town_officer"), "li")
    return service


async def test_a_sick_note_is_read_by_whoever_reads_the_leave(attendance: ServiceUnderTest) -> None:
    cadre = attendance.client_as("cadre", person="li")
    note = await _upload(cadre, "attendance")
    before = await _ask(attendance, note, "town_officer")
    await post_json(cadre, "/attendance/leaves", {**LEAVE, "files": [note]})

    assert before == {404}, "nothing holds it yet: it is its uploader's"
    for role in ("town_officer", "bureau", "leader", "auditor"):
        assert await _ask(attendance, note, role) == {200}, role
    for role in ("finance", "line_bureau", "village_clerk", "machine"):
        assert await _ask(attendance, note, role) == {404}, role
    assert await _ask(attendance, note, "cadre", person="colleague") == {404}
    assert await _ask(attendance, note, "town_officer", "620602101000") == {404}
    assert await _ask(attendance, note, "cadre", person="li") == {200}


async def test_nobody_takes_a_file_into_a_record_that_they_cannot_read(attendance: ServiceUnderTest) -> None:
    cadre = attendance.client_as("cadre", person="li")
    note = await _upload(cadre, "attendance")
    body = {**LEAVE, "files": [note]}
    await post_json(cadre, "/attendance/leaves", body)
    await create_post(attendance.client_as("town_officer"), "wang")
    refused = await post_json(attendance.client_as("cadre", person="wang"), "/attendance/leaves", body, 422)

    assert refused["errors"][0]["pointer"] == "/files"


async def test_a_photo_of_a_check_in_is_read_with_the_check_in(
    attendance: ServiceUnderTest, clock: Clock
) -> None:
    cadre = attendance.client_as("cadre", person="li")
    photo = await _upload(cadre, "attendance", "在岗.jpg")
    await post_json(cadre, "/attendance/check-ins", build_check_in(clock) | {"photo": photo})

    assert await _ask(attendance, photo, "town_officer") == {200}
    assert await _ask(attendance, photo, "line_bureau") == {404}


async def test_files_of_an_earlier_release_find_their_records(attendance: ServiceUnderTest) -> None:
    cadre = attendance.client_as("cadre", person="li")
    note = await _upload(cadre, "attendance")
    await post_json(cadre, "/attendance/leaves", {**LEAVE, "files": [note]})
    context = attendance.context
    tables = [kind.kind.table for kind in attendance.system.apps["attendance"].state.kinds]
    async with context.database.write() as session:
        await execute_core(session, sa.delete(file_holder))
    forgotten = await _ask(attendance, note, "town_officer")
    async with context.database.write() as session:
        await note_holders_of_old_files(session, set(tables))

    assert (forgotten, await _ask(attendance, note, "town_officer")) == ({404}, {200})


async def test_a_document_of_a_project_is_read_with_the_project(doors: SystemUnderTest) -> None:
    projects = doors.service("projects")
    clerk = projects.client_as("village_clerk")
    body = {
        "name": "新店村产业路",
        "category": "2.1.1",
        "year": 2024,
        "region": "620602100201",
        "total": "1000.00",
    }
    made = await clerk.post("/projects", json=body)
    assert made.status_code == 201, made.text
    minutes = await _upload(clerk, "projects", "会议记录.pdf")
    attached = await clerk.post(
        f"/projects/{made.json()['id']}/documents", json={"kind": "minutes", "file_id": minutes}
    )

    assert attached.status_code == 201, attached.text
    for role in ("village_clerk", "town_officer", "line_bureau", "finance"):
        assert await _ask(projects, minutes, role, person="somebody") == {200}, role
    assert await _ask(projects, minutes, "admin", DISTRICT) == {403}
    assert await _ask(projects, minutes, "village_clerk", "620602101201", person="other") == {404}
