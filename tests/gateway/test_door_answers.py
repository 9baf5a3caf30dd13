"""What either door does to answers: headers that keep browsers careful, request ids, compression."""

import re
from dataclasses import replace

from shared.http import door_rules
from tests.gateway.echo_services import (
    DOOR_KINDS,
    JPEG_BYTES,
    QUICK,
    OpenDoor,
    create_echo_services,
    open_door,
)

PATIENT = replace(QUICK, answer=30, heavy_answer=30)
"""/openapi.json takes seconds on a busy machine."""
EVERYWHERE = (
    "/api/v1/funds/plans",
    "/api/v1/funds/broken",
    "/api/v1/nothing",
    "/api/v1/funds//x",
    "/docs",
    "/openapi.json",
)
SECURITY_NAMES = [*door_rules.SECURITY_HEADERS, *door_rules.DEFAULT_SECURITY_HEADERS, "X-Request-Id"]


async def test_safe_headers_are_on_every_answer(opened: OpenDoor) -> None:
    for path in EVERYWHERE:
        answer = await opened.client.get(path)
        for name in SECURITY_NAMES:
            assert len(answer.headers.get_list(name)) == 1, (path, name)
        for name, value in door_rules.SECURITY_HEADERS.items():
            assert answer.headers[name] == value
        for name in ("server", "via", "x-secret-hop"):
            assert name not in answer.headers, (path, name)


async def test_both_doors_set_the_same_headers() -> None:
    found = {}
    for kind in DOOR_KINDS:
        async with open_door(kind, create_echo_services(), timing=PATIENT) as opened:
            answers = [await opened.client.get(path) for path in EVERYWHERE]
            found[kind] = [
                (
                    one.status_code,
                    {name: one.headers[name] for name in SECURITY_NAMES if name != "X-Request-Id"},
                )
                for one in answers
            ]
    assert found["process"] == found["caddy"]


async def test_a_service_s_own_refusal_stays_as_it_is(opened: OpenDoor) -> None:
    answer = await opened.client.get("/api/v1/funds/broken")
    assert (answer.status_code, answer.json()["detail"]) == (500, "请告知管理员")


async def test_refusals_of_the_door_carry_the_request_id(opened: OpenDoor) -> None:
    answer = await opened.client.get("/api/v1/nothing", headers={"X-Request-ID": "phone-0001-abc"})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "phone-0001-abc"
    assert re.search("[一-鿿]", answer.json()["detail"])


async def test_large_json_is_compressed_and_photos_are_not(opened: OpenDoor) -> None:
    plain = await opened.client.get("/api/v1/funds/large", headers={"Accept-Encoding": "identity"})
    packed = await opened.client.get("/api/v1/funds/large", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert packed.json() == plain.json()
    assert "content-encoding" not in plain.headers
    photo = await opened.client.get("/api/v1/funds/photo", headers={"Accept-Encoding": "gzip"})
    assert (photo.content, "content-encoding" in photo.headers) == (JPEG_BYTES, False)
    small = await opened.client.get("/api/v1/funds/plans", headers={"Accept-Encoding": "gzip"})
    assert small.json()["service"] == "funds"


async def test_the_tag_of_a_compressed_answer_is_the_version_a_write_may_name(opened: OpenDoor) -> None:
    read = await opened.client.get("/api/v1/funds/large", headers={"Accept-Encoding": "gzip"})
    tag = read.headers["etag"]
    sent = await opened.client.patch("/api/v1/funds/plans", headers={"If-Match": tag})
    assert dict(sent.json()["headers"])["if-match"] == '"3-0a1b2c3d"'
    again = await opened.client.get(
        "/api/v1/funds/plans", headers={"If-None-Match": tag, "Accept-Encoding": "gzip"}
    )
    assert dict(again.json()["headers"])["if-none-match"].startswith('"3-0a1b2c3d')
