"""个人信息请求 about accounts: who has left is shown and erased by two officers; ids, grants and the log stay."""

from datetime import timedelta
from typing import Any

import httpx

from services.identity.issuers.models import IssuerBinding
from shared.db.migrate import load_base
from shared.events.fsck import check_service
from tests.attendance.factories_attendance import create_post, get_json, post_json
from tests.attendance.test_days import run_day_projection
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.identity.factories_identity import VILLAGE, build_account, request_token, sign_in
from tests.stored_text_search import find_clear_text

REQUESTS = "/identity/person-requests"
LEAVER, NAME, REASON, ADDRESS = "qi.yz", "祁样注", "肝炎复查", "198.51.100.77"
PASSWORD = "Hexi-Corridor-71"
REQUEST = {"account": LEAVER, "name": NAME, "document": "甘凉信申〔2026〕21号"}
ERASURE = REQUEST | {"kind": "erasure", "basis": "purpose_over"}
READING = {"purpose": "答复申请人"}


async def change(admin: httpx.AsyncClient, status: int = 200, **body: Any) -> Any:
    account = await admin.get(f"/users/{LEAVER}")
    answer = await admin.patch(f"/users/{LEAVER}", json=body, headers={"If-Match": account.headers["etag"]})
    assert answer.status_code == status, answer.text
    return answer.json()


async def open_account(doors: SystemUnderTest, admin: httpx.AsyncClient) -> None:
    """An account that signs in, is bound to an outside issuer and changes its password."""
    grants = [{"role": "cadre", "region": VILLAGE}]
    await post_json(admin, "/users", build_account(id=LEAVER, name=NAME, region=VILLAGE, grants=grants))
    anyone = doors.service("identity").anonymous_client()
    anyone.headers["X-Forwarded-For"] = ADDRESS
    await sign_in(anyone, LEAVER, PASSWORD)
    context = doors.service("identity").context
    async with context.database.write() as session:
        binding = IssuerBinding(
            issuer="https://sso.example",
            subject="622301",
            account_id=LEAVER,
            created_at=context.clock(),
            created_by="x",
        )
        session.add(binding)


async def work_in_the_field(doors: SystemUnderTest) -> None:
    """The account is stationed, asks for leave, and has days."""
    town = doors.service("attendance").client_as("town_officer")
    post = await create_post(town)
    body = {"person": LEAVER, "person_name": NAME, "starts_on": "2024-05-13"}
    await post_json(town, f"/attendance/posts/{post['id']}/assignments", body)
    cadre = doors.service("attendance").client_as("cadre", person=LEAVER)
    leave = {"kind": "sick", "starts_on": "2024-05-21", "ends_on": "2024-05-21", "why": REASON}
    made = await post_json(cadre, "/attendance/leaves", leave)
    await post_json(cadre, f"/attendance/leaves/{made['id']}/withdraw", {}, 200)
    await run_day_projection(doors.service("attendance"))


async def list_named_columns(doors: SystemUnderTest, service: str, *words: str) -> set[str]:
    """The columns of a service in which any of the words stands."""
    tables = set(load_base(service).metadata.tables)
    found = await find_clear_text(doors.service(service).context, *words)
    return {one for one in found if one.split(".")[0] in tables}


async def test_who_has_left_is_erased_everywhere_and_the_books_name_the_id(
    doors: SystemUnderTest, admin: httpx.AsyncClient, clock: Clock
) -> None:
    await open_account(doors, admin)
    await work_in_the_field(doors)
    request = (await post_json(admin, REQUESTS, ERASURE))["id"]
    second = doors.service("identity").client_as("security_admin")
    erase = f"{REQUESTS}/{request}/erase"
    assert "请先停用" in (await post_json(second, erase, {}, 409))["detail"]
    await change(admin, disabled=True)
    stopped = await post_json(second, erase, {}, 409)
    assert {one["code"] for one in stopped["errors"]} == {"in_use"}
    assert all(words in stopped["detail"] for words in ("未满 180 天", "未到期的授权", "驻村服务: 派驻 1 项"))
    town = doors.service("attendance").client_as("town_officer")
    (assignment,) = (await get_json(town, "/attendance/assignments", person=LEAVER))["items"]
    match = {"If-Match": f'"{assignment["version"]}"'}
    ended = {"ends_on": "2024-05-20", "reason": "调离"}
    await post_json(town, f"/attendance/assignments/{assignment['id']}/end", ended, 200, headers=match)
    await change(admin, grants=[{"role": "cadre", "region": VILLAGE, "valid_to": "2024-05-20"}])
    clock.advance(timedelta(days=181))

    read = await post_json(admin, f"{REQUESTS}/{request}/readings", READING, 200)
    shown = {one["label"]: one["values"] for one in read["rows"]}
    assert shown["账号"]["name"] == NAME
    assert shown["统一身份认证的绑定"]["subject"] == "622301"
    assert (await post_json(admin, erase, {}, 403))["status"] == 403
    done = await post_json(second, erase, {}, 200)
    outcome = {one["label"]: (one["erased"], one["kept"]) for one in done["outcome"]}
    assert (outcome["账号"], outcome["授权记录"]) == ((1, 0), (0, 1))
    await doors.deliver_events()

    for service in ("identity", "attendance"):
        named = await list_named_columns(doors, service, NAME, REASON, "https://sso.example")
        assert named == set(), named
        context = doors.service(service).context
        report = await check_service(service, context.database, doors.apps[service].state.fsck)
        assert report.differences == []
    account = await get_json(admin, f"/users/{LEAVER}")
    (name,) = await get_json(admin, "/users/names", account_id=LEAVER)
    assert name["name"] == account["name"]
    assert account["name"].startswith("已注销人员")
    assert [grant["role"] for grant in account["grants"]] == ["cadre"]
    days = (await get_json(town, "/attendance/days", person=LEAVER))["items"]
    assert {day["person_name"] for day in days} == {account["name"]}
    anyone = doors.service("identity").anonymous_client()
    assert (await request_token(anyone, username=LEAVER, password=PASSWORD)).status_code == 400
    assert "已注销" in (await change(admin, 409, disabled=False))["detail"]


async def test_a_held_account_is_not_erased_and_another_name_is_refused(
    doors: SystemUnderTest, admin: httpx.AsyncClient
) -> None:
    await open_account(doors, admin)
    wrong = await post_json(admin, REQUESTS, ERASURE | {"name": "张三"}, 422)
    assert wrong["errors"][0]["pointer"] == "/name"
    away = doors.service("identity").client_as("admin", "632323000000")
    await post_json(away, REQUESTS, ERASURE, 404)
    await post_json(admin, REQUESTS, REQUEST | {"kind": "hold", "document": "凉纪函〔2026〕3号"})
    refused = await post_json(admin, REQUESTS, ERASURE, 409)
    assert "凉纪函〔2026〕3号" in refused["detail"]
