"""Two districts on one installation: what the second reads, prints and exports holds nothing of the first."""

import io
import json
import zipfile

import httpx
import openpyxl
import pytest

from embedded.system import list_services
from services.identity.demo_accounts import find_region_file
from services.identity.load_regions import load_content
from shared.auth import Reach, Role
from shared.db.migrate import has_database
from tests.access.operations import Operation, RoleClient, list_operations
from tests.access.sample_values import SAMPLE_TEXT, fill_with_sample_rows
from tests.attendance.factories_attendance import set_rule
from tests.clients import DISTRICT, SystemUnderTest
from tests.projects.factories_projects import build_project

ZEKU, ZEQU, XIADERI = "632323000000", "632323100000", "632323100200"
SERVICES = [name for name in list_services() if has_database(name)]
FIRST_DISTRICT_WORDS = (DISTRICT[:6], "凉州", SAMPLE_TEXT)
PUBLIC_TREE = ("/regions", "/rules/")
"""The tree of regions and the history of a rule are the same for everybody."""
OPERATORS_PATHS = ("/log/cursors", "/log/head", "/log/key", "/log/proof", "/log/consistency", "/log/evidence")
HOMES = {Role.TOWN_OFFICER: ZEQU, Role.VILLAGE_CLERK: XIADERI, Role.CADRE: XIADERI}


@pytest.fixture
async def both(doors: SystemUnderTest) -> SystemUnderTest:
    """凉州区 and 泽库县, loaded by the documented command."""
    await load_content(doors.service("identity").context, find_region_file(ZEKU).read_bytes())
    return doors


def read_text(answer: httpx.Response) -> str:
    """What an answer shows: a workbook is unpacked."""
    if answer.content[:2] != b"PK":
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())


def _is_of_a_district(one: Operation, role: Role) -> bool:
    reaches = one.get_reach(role)
    return (
        one.method == "get"
        and one.allows_role(role)
        and (Reach.ALL not in reaches or "/rules" in one.path)
        and not any(part in one.path for part in (*PUBLIC_TREE, *OPERATORS_PATHS))
    )


async def _read_without_region(caller: RoleClient, one: Operation) -> httpx.Response:
    path, query = caller.sample_inputs.build_path(one.path, one.spec)
    optional = {
        item["name"]
        for item in one.spec.get("parameters", [])
        if item["in"] == "query" and not item.get("required")
    }
    return await caller.client.get(
        path, params={name: value for name, value in query.items() if name not in optional}
    )


@pytest.mark.parametrize("service", SERVICES)
async def test_nothing_of_the_first_district_is_in_any_answer_to_the_second(
    both: SystemUnderTest, service: str
) -> None:
    await fill_with_sample_rows(both, service)
    wrong, read = [], 0
    for role in Role:
        if role in {Role.SERVICE, Role.ADMIN, Role.SECURITY_ADMIN}:
            continue
        caller = RoleClient(both, service, role, HOMES.get(role, ZEKU))
        for one in list_operations(service, both.apps[service]):
            if not _is_of_a_district(one, role):
                continue
            answer = await _read_without_region(caller, one)
            read += answer.status_code == 200
            text = read_text(answer)
            if found := [word for word in FIRST_DISTRICT_WORDS if word in text]:
                wrong.append(f"{one} as {role}: {found} {text[:200]}")

    assert read
    assert not wrong


async def test_a_request_without_a_region_means_the_callers_own(both: SystemUnderTest) -> None:
    projects = both.service("projects")
    clerk = projects.client_as("village_clerk", XIADERI)
    body = build_project(region=XIADERI, name="夏德日村饮水巩固提升工程", places=[])
    assert (await clerk.post("/projects", json=body)).status_code == 201
    bureau, town = projects.client_as("bureau", ZEKU), projects.client_as("town_officer", ZEQU)

    template = openpyxl.load_workbook(io.BytesIO((await bureau.get("/projects/template")).content))
    lists = {str(cell.value) for sheet in template.worksheets for row in sheet.rows for cell in row}
    export = openpyxl.load_workbook(io.BytesIO((await bureau.get("/projects/export")).content))
    rows = [[cell.value for cell in row] for row in export.worksheets[0].rows]
    package = json.loads((await bureau.get("/projects/export", params={"format": "oc4ids"})).content)

    assert "泽曲镇" in lists
    assert "黄羊镇" not in lists
    assert str(rows[0][0]).startswith("泽库县")
    assert any("泽库县" in row and "泽曲镇" in row for row in rows[1:])
    assert package["publisher"]["name"] == "泽库县"
    assert (await bureau.get("/projects/summary")).json()["region"] == ZEKU
    assert (await town.get("/projects/summary")).json()["region"] == ZEQU


async def test_rules_are_those_of_the_callers_district(both: SystemUnderTest) -> None:
    attendance, funds = both.service("attendance"), both.service("funds")
    await set_rule(attendance, "check_in.switches", region=ZEKU, record_keeping_no="青备2026001")
    shown, floors = {}, {}
    for region, village in ((ZEKU, XIADERI), (DISTRICT, "620602100201")):
        cadre, finance = attendance.client_as("cadre", village), funds.client_as("finance", region)
        shown[region] = (await cadre.get("/attendance/compliance", params={"region": village})).json()
        body = {
            "region": region,
            "revenue": "1000000.00",
            "document_no": f"财综〔2024〕{region[:6]}号",
            "counted_on": "2024-05-18",
        }
        answer = await finance.put("/funds/years/2024/land-revenue", json=body)
        floors[region] = (answer.json()["floor"], "凉州区" in answer.json()["basis"])

    assert shown[ZEKU]["record_keeping_no"] == "青备2026001"
    assert shown[DISTRICT]["record_keeping_no"] == ""
    assert floors == {ZEKU: ("30", False), DISTRICT: ("32", True)}
