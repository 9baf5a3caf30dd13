"""What operators see: one line per request without anybody's secrets, and figures that stay few."""

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.app import configure_logging
from tests.clients import SystemUnderTest

Client = httpx.AsyncClient


@pytest.fixture
def lines(doors: SystemUnderTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The log of this test, as JSON."""
    stream = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        configure_logging("INFO")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    configure_logging("CRITICAL")


async def test_a_request_is_one_line_with_its_id_and_who_asked(doors: SystemUnderTest, lines: Any) -> None:
    bureau = doors.service("identity").client_as("bureau", person="wang")
    answer = await bureau.get("/regions", headers={"X-Request-ID": "phone-4711-0001"})
    (line,) = [one for one in lines() if one.get("path") == "/api/v1/regions"]

    assert answer.headers["x-request-id"] == line["request_id"] == "phone-4711-0001"
    assert (line["method"], line["path"], line["status"], line["actor"]) == (
        "GET",
        "/api/v1/regions",
        200,
        "wang",
    )
    assert line["ms"] > 0


@pytest.mark.parametrize("given", ["", "short", "new\nline-in-the-id", "x" * 200, "<script>alert</script>"])
async def test_a_strange_request_id_is_replaced(doors: SystemUnderTest, given: str) -> None:
    nobody = doors.service("identity").anonymous_client()
    answer = await nobody.get("http://test/healthz", headers={"X-Request-ID": given.encode()})  # type: ignore[arg-type]

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 36


async def test_no_password_and_no_token_is_logged(doors: SystemUnderTest, lines: Any) -> None:
    nobody = doors.service("identity").anonymous_client()
    form = {"grant_type": "password", "username": "finance", "password": "Xianjie-2022"}
    tokens = (await nobody.post("/auth/token", data=form)).json()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    await nobody.get("/auth/me", headers=header, params={"secret": "in-the-query"})
    text = json.dumps(lines())

    assert "/api/v1/auth/token" in text
    assert not [word for word in ("Xianjie-2022", tokens["access_token"], "in-the-query") if word in text]


async def _list_series(client: Client) -> set[str]:
    text = (await client.get("http://test/metrics")).text
    return {line.rsplit(" ", 1)[0] for line in text.splitlines() if line.startswith("http_requests_total{")}


async def test_figures_do_not_grow_with_what_clients_invent(doors: SystemUnderTest) -> None:
    bureau = doors.service("identity").client_as("bureau")
    nobody = doors.service("identity").anonymous_client()

    async def visit(number: int) -> None:
        await bureau.get(f"/regions/62060210{number:04d}")
        await bureau.get(f"/no/such/place/{number}")
        await bureau.get("/regions", params={"q": str(number)})
        await nobody.request(f"INVENT{number}", "/regions")
        await nobody.get(f"http://host{number}/healthz")

    await visit(1)  # a region that is there
    await visit(9999)  # one that is not
    await _list_series(nobody)
    few = await _list_series(nobody)
    for number in range(2, 30):
        await visit(number)

    assert await _list_series(nobody) == few
    assert any('route="/api/v1/regions/{code}"' in line for line in few)
    assert any('route="unmatched"' in line for line in few)


@pytest.mark.parametrize(
    ("path", "media_type"), [("/attendance/files", "image/jpeg"), ("/attendance/visits", "application/json")]
)
async def test_a_caller_who_hangs_up_is_no_error(
    doors: SystemUnderTest, lines: Any, path: str, media_type: str
) -> None:
    cadre = doors.service("attendance").client_as("cadre", "620602100200")
    request = cadre.build_request(
        "POST", path, headers={"content-type": media_type, "content-length": "1000"}
    )
    (sign,) = cadre.event_hooks["request"]
    await sign(request)
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": request.url.path,
        "query_string": b"name=1.jpg" if media_type == "image/jpeg" else b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("10.0.0.1", 1),
        "state": {},
    }
    arriving = iter([{"type": "http.request", "body": b"\xff\xd8\xff", "more_body": True}])

    async def receive() -> dict[str, Any]:
        return next(arriving, {"type": "http.disconnect"})

    answers = []

    async def send(message: Any) -> None:
        answers.append(message.get("status"))

    await doors.apps["attendance"](scope, receive, send)

    assert answers[0] == 400
    told = [(one["level"], one["event"]) for one in lines() if one.get("path") == request.url.path]
    assert {level for level, _ in told} == {"info"}, told
