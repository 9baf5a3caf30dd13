"""The door's root speaks DingTalk: the unmodified SDK from PyPI signs in and reads."""

import asyncio
import io
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import requests  # noqa: TID251 - the transport of the SDK
from dingtalk.client import AppKeyClient
from dingtalk.core.exceptions import DingTalkClientException
from requests.adapters import BaseAdapter  # noqa: TID251

from tests.attendance.factories_attendance import build_check_in, post_json, submit_check_in
from tests.clients import ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock

ADDRESS = "http://dingtalk.test/"
ASKED = {"userIds": ["li"], "checkDateFrom": "2024-05-20 00:00:00", "checkDateTo": "2024-05-20 23:59:59"}


class DoorAdapter(BaseAdapter):
    """Carries what the SDK sends to the door of the one-process run, on the loop of the test."""

    def __init__(self, door: httpx.AsyncClient) -> None:
        super().__init__()
        self.door = door
        self.loop = asyncio.get_running_loop()

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        headers = {name: str(value) for name, value in request.headers.items()}
        body: Any = request.body
        asked = self.door.request(str(request.method), str(request.url), content=body, headers=headers)
        answer = asyncio.run_coroutine_threadsafe(asked, self.loop).result(30)
        made = requests.Response()
        made.status_code, made.request, made.url = answer.status_code, request, str(request.url)
        made.headers.update(answer.headers)
        made.raw = io.BytesIO(answer.content)
        return made

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def secret(doors: SystemUnderTest) -> tuple[str, str]:
    """The name and secret of a machine client of the bureau."""
    made = await post_json(
        doors.service("identity").client_as("admin"),
        "/clients",
        {"id": "kaoqin", "name": "考勤系统", "region": "620602000000", "scopes": ["presence:exchange"]},
    )
    return "kaoqin", made["secret"]


@pytest.fixture
async def sdk(doors: SystemUnderTest, secret: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """DingTalk's client, whose address alone is changed."""
    monkeypatch.setattr(AppKeyClient, "API_BASE_URL", ADDRESS)
    client = AppKeyClient("corp", *secret)
    client._http = requests.Session()
    client._http.mount("http://", DoorAdapter(doors.service("gateway").anonymous_client()))
    return client


async def test_the_unmodified_sdk_signs_in_and_reads(
    sdk: Any, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await submit_check_in(cadre, build_check_in(clock))
    day = datetime(2024, 5, 20)  # noqa: DTZ001 - as DingTalk's clients give it
    found = await asyncio.to_thread(sdk.attendance.list, day, day, ["li"])
    details = await asyncio.to_thread(sdk.attendance.list_record, ["li"], day, day + timedelta(hours=23))

    assert [one["userId"] for one in found["recordresult"]] == ["li"]
    assert found["hasMore"] is False
    assert details[0]["userLongitude"] == pytest.approx(102.9, abs=0.1)
    assert sdk.cache.access_token.get()


async def test_a_token_lives_two_hours_and_ends_with_its_account(
    doors: SystemUnderTest, secret: tuple[str, str], clock: Clock
) -> None:
    door = doors.service("gateway").anonymous_client()
    given = (
        await door.get(f"{ADDRESS}gettoken", params={"appkey": secret[0], "appsecret": secret[1]})
    ).json()
    address = f"{ADDRESS}attendance/listRecord?access_token={given['access_token']}"

    async def ask() -> int:
        return int((await door.post(address, json=ASKED)).json()["errcode"])

    assert given["expires_in"] == 7200
    clock.advance(timedelta(minutes=119))
    assert await ask() == 0
    admin = doors.service("identity").client_as("admin")
    client = await admin.get("/clients/kaoqin")
    changed = await admin.patch(
        "/clients/kaoqin", json={"disabled": True}, headers={"If-Match": client.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    assert await ask() == 40014
    clock.advance(timedelta(minutes=2))
    assert await ask() == 42001


async def test_every_refusal_has_an_errcode(doors: SystemUnderTest, secret: tuple[str, str]) -> None:
    door = doors.service("gateway").anonymous_client()
    token = (
        await door.get(f"{ADDRESS}gettoken", params={"corpid": secret[0], "corpsecret": secret[1]})
    ).json()
    good = f"?access_token={token['access_token']}"
    wanted = {
        "workDateFrom": "2024-05-20 00:00:00",
        "workDateTo": "2024-05-20 00:00:00",
        "userIdList": ["li"],
    }
    for method, path, body, code in (
        ("GET", "gettoken?appkey=kaoqin&appsecret=wrong", None, 40089),
        ("POST", "gettoken", {}, 43001),
        ("GET", f"attendance/list{good}", None, 43002),
        ("POST", "attendance/list", wanted, 41001),
        ("POST", "attendance/list?access_token=", wanted, 41001),
        ("POST", "attendance/list?access_token=x", wanted, 40014),
        ("POST", f"attendance/list{good}", {"userIdList": ["li"]}, 40035),
        ("POST", f"attendance/list{good}", {**wanted, "limit": 51}, 40035),
        ("POST", f"attendance/list{good}", {**wanted, "userIdList": ["x"] * 51}, 40032),
    ):
        answer = await door.request(method, ADDRESS + path, json=body)
        assert (answer.status_code, answer.json()["errcode"]) == (200, code), (path, answer.text)
        assert set(answer.json()) <= {"errcode", "errmsg"}, path


async def test_the_sdk_understands_a_refusal(sdk: Any) -> None:
    with pytest.raises(DingTalkClientException) as refused:
        await asyncio.to_thread(
            sdk.attendance.list_record, ["x"] * 51, "2024-05-20 00:00:00", "2024-05-20 00:00:00"
        )
    assert refused.value.errcode == 40032


async def test_a_shift_gives_plan_times_and_lateness(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, bureau: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    shift = {
        "person": "li",
        "person_name": "李明",
        "kind": "day",
        "starts_at": "2024-05-20T08:00:00+08:00",
        "ends_at": "2024-05-20T18:00:00+08:00",
    }
    body = {"post_id": post["id"], "shifts": [shift]}
    await post_json(attendance.client_as("town_officer"), "/attendance/duties", body)
    await submit_check_in(cadre, build_check_in(clock))
    found = await post_json(bureau, "/attendance/dingtalk/attendance/listRecord", ASKED, 200)
    (row,) = found["recordresult"]

    assert row["timeResult"] == "Late", "59 minutes after the shift began"
    assert row["userCheckTime"] - row["planCheckTime"] == 59 * 60_000
