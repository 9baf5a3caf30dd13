"""Uploads in pieces by tus 1.0: on any line, by their owner only, and of use to every service."""

import base64
import hashlib
import io
import os
import random
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from PIL import ExifTags, Image

from services.files.uploads.service import delete_expired_uploads
from shared.db import new_id
from tests.assets.factories_assets import AssetScenario
from tests.clients import ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.files.bad_line import BadLine, upload_over
from tests.sample_files import build_pdf, build_picture

TUS = {"Tus-Resumable": "1.0.0"}
VISIT = {
    "kind": "household",
    "visited_on": "2024-05-18",
    "purpose": "care",
    "household": "马秀英",
    "findings": "好",
}
STREAM = {**TUS, "Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def files(door: Callable[[str], ServiceUnderTest]) -> ServiceUnderTest:
    return door("files")


@pytest.fixture
def phone(files: ServiceUnderTest) -> httpx.AsyncClient:
    """The phone of the cadre li."""
    return files.client_as("cadre", person="li")


def describe(content: bytes, **more: str) -> dict[str, str]:
    """The headers that announce a file."""
    given = {"filename": "井.jpg", "filetype": "image/jpeg", **more}
    pairs = [f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in given.items()]
    return {**TUS, "Upload-Length": str(len(content)), "Upload-Metadata": ",".join(pairs)}


def prove(content: bytes, algorithm: str = "sha256") -> dict[str, str]:
    digest = hashlib.new(algorithm, content).digest()
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


async def create(client: httpx.AsyncClient, content: bytes, **more: str) -> str:
    answer = await client.post("/uploads", headers=describe(content, **more))
    assert answer.status_code == 201, answer.text
    return "http://test" + answer.headers["Location"]


async def append(
    client: httpx.AsyncClient, where: str, offset: int, part: bytes, **headers: str
) -> httpx.Response:
    return await client.patch(
        where, content=part, headers={**STREAM, "Upload-Offset": str(offset), **headers}
    )


async def send(client: httpx.AsyncClient, content: bytes, **more: str) -> str:
    """The id of a whole upload."""
    where = await create(client, content, **more)
    answer = await append(client, where, 0, content)
    assert answer.status_code == 204, answer.text
    return where.rsplit("/", 1)[1]


def build_photo(seed: int = 1, *, side: int = 64, exif: Image.Exif | None = None, quality: int = 90) -> bytes:
    """A photo with shapes, so that its hash is its own."""
    chance = random.Random(seed)
    small = Image.new("RGB", (8, 8))
    small.putdata([tuple(chance.randbytes(3)) for _ in range(64)])
    out = io.BytesIO()
    options: dict[str, Any] = {} if exif is None else {"exif": exif}
    small.resize((side, side * 3 // 4), Image.Resampling.BICUBIC).save(
        out, "JPEG", quality=quality, **options
    )
    return out.getvalue()


async def test_the_server_tells_what_it_can(files: ServiceUnderTest) -> None:
    answer = await files.anonymous_client().options("/uploads")

    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
    assert {"creation", "checksum", "expiration", "termination"} <= set(
        answer.headers["Tus-Extension"].split(",")
    )
    assert "sha256" in answer.headers["Tus-Checksum-Algorithm"]


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_file_arrives_in_pieces_of_any_size(phone: httpx.AsyncClient, size: int) -> None:
    content = build_pdf("x" * (20 if size == 1 else 900))
    where = await create(phone, content, filename="表.pdf", filetype="application/pdf")
    for start in range(0, len(content), size):
        answer = await append(phone, where, start, content[start : start + size])
        assert answer.status_code == 204
        assert answer.headers["Upload-Offset"] == str(min(start + size, len(content)))
    shown = (await phone.get(where)).json()

    assert shown["state"] == "finished"
    assert shown["file"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert (await phone.get(f"/files/{shown['id']}/content")).content == content


async def test_a_small_file_comes_with_its_creation(phone: httpx.AsyncClient) -> None:
    content = build_picture()
    answer = await phone.post(
        "/uploads", content=content, headers={**describe(content), **STREAM, **prove(content)}
    )

    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(len(content)))
    assert (await phone.get("http://test" + answer.headers["Location"])).json()["state"] == "finished"


async def test_a_repeated_creation_is_the_first_upload(phone: httpx.AsyncClient) -> None:
    content, identifier = build_picture(), str(new_id())
    first = await create(phone, content, id=identifier)
    await append(phone, first, 0, content[:50])
    again = await phone.post("/uploads", headers=describe(content, id=identifier))
    other = await phone.post("/uploads", headers=describe(content + b"x", id=identifier))

    assert first.endswith(identifier)
    assert again.headers["Upload-Offset"] == "50"
    assert other.status_code == 409


async def test_a_cut_keeps_what_arrived_and_a_digest_keeps_whole_pieces_only(
    files: ServiceUnderTest, phone: httpx.AsyncClient
) -> None:
    content = build_photo()
    where = await create(phone, content)
    line = BadLine(files.context, phone)
    await line.send_and_cut(where, 0, content, after=300)
    assert (await phone.head(where, headers=TUS)).headers["Upload-Offset"] == "300"

    await line.send_and_cut(where, 300, content[300:], after=200, headers=prove(content[300:]))
    assert (await phone.head(where, headers=TUS)).headers["Upload-Offset"] == "300"

    assert (await append(phone, where, 300, content[300:])).status_code == 204


async def test_a_long_photo_arrives_over_a_line_that_is_cut_again_and_again(
    files: ServiceUnderTest, phone: httpx.AsyncClient
) -> None:
    """At 20 kbit/s; 200 KB with a cut every 4 s on average, in `make storm` 5 MB with one every 40 s."""
    size = int(os.environ.get("STORM_UPLOAD_KB", "200")) * 1000
    content = build_pdf("x" * size)
    digest = hashlib.sha256(content).hexdigest()
    where = await create(phone, content, filename="a.pdf", filetype="application/pdf", sha256=digest)
    line = BadLine(files.context, phone, seconds_between_cuts=4 if size <= 1_000_000 else 40, seed=7)
    await upload_over(line, where, content)
    resent = line.sent_bytes / len(content) - 1
    sys.stdout.write(
        f"\n{size} bytes, {line.cuts} cuts, resent {resent:.1%}, {line.seconds:.0f} s of the line\n"
    )

    assert line.cuts > 10
    assert resent < 0.1
    assert (await phone.get(where)).json()["state"] == "finished"


async def test_broken_bytes_are_not_kept(phone: httpx.AsyncClient) -> None:
    content = build_picture()
    where = await create(phone, content)
    broken = await append(phone, where, 0, content[:99] + b"x", **prove(content[:100]))

    assert (broken.status_code, broken.json()["type"]) == (460, "/problems/checksum")
    assert (await phone.head(where, headers=TUS)).headers["Upload-Offset"] == "0"
    assert (await append(phone, where, 0, content[:100], **prove(content[:100], "sha1"))).status_code == 204


async def test_a_file_that_is_not_the_announced_one_ends_the_upload(phone: httpx.AsyncClient) -> None:
    content = build_picture()
    where = await create(phone, content, sha256="0" * 64)

    assert (await append(phone, where, 0, content)).status_code == 460
    assert (await phone.head(where, headers=TUS)).status_code == 410
    assert (await phone.get(where)).json()["problem"]["type"] == "/problems/checksum"


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        build_picture("PNG"),
        build_picture()[:-200],
        build_picture() + build_pdf() + b"PK\x05\x06" + bytes(18),
    ],
    ids=["text", "another format", "cut off", "picture and archive"],
)
async def test_what_is_no_picture_is_refused_and_not_kept(
    files: ServiceUnderTest, phone: httpx.AsyncClient, content: bytes
) -> None:
    where = await create(phone, content)
    answer = await append(phone, where, 0, content)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert (await phone.head(where, headers=TUS)).status_code == 410
    assert (await phone.get(f"/files/{where.rsplit('/', 1)[1]}")).status_code == 404
    digest = hashlib.sha256(content).hexdigest()
    assert await files.context.storage.find_object(f"{digest[:2]}/{digest[2:4]}/{digest}") is None


async def test_nobody_else_goes_on_with_an_upload(files: ServiceUnderTest, phone: httpx.AsyncClient) -> None:
    content = build_picture()
    where = await create(phone, content)
    colleague = files.client_as("cadre", person="wang")

    assert (await append(colleague, where, 0, content)).status_code == 404
    assert (await colleague.head(where, headers=TUS)).status_code == 404
    assert (await colleague.delete(where, headers=TUS)).status_code == 404


async def test_bytes_at_another_place_or_beyond_the_end_are_refused(phone: httpx.AsyncClient) -> None:
    content = build_picture()
    where = await create(phone, content)
    await append(phone, where, 0, content[:100])

    assert (await append(phone, where, 0, content[:100])).status_code == 409
    assert (await append(phone, where, 100, content[100:] + b"x")).status_code == 413

    async def unannounced() -> AsyncIterator[bytes]:
        yield content[100:]
        yield b"x"

    headers = {**STREAM, "Upload-Offset": "100"}
    assert (await phone.patch(where, content=unannounced(), headers=headers)).status_code == 413


async def test_what_is_over_is_gone(files: ServiceUnderTest, phone: httpx.AsyncClient, clock: Clock) -> None:
    content = build_picture()
    ended, expired = await create(phone, content), await create(phone, content)
    await append(phone, expired, 0, content[:100])
    assert (await phone.delete(ended, headers=TUS)).status_code == 204
    clock.advance(timedelta(days=8))

    for where, offset in ((ended, 0), (expired, 100)):
        assert (await append(phone, where, offset, content[offset:])).status_code == 410
    await delete_expired_uploads(files.context)
    assert (await phone.get(expired)).json()["state"] == "expired"
    identifier = expired.rsplit("/", 1)[1]
    assert await send(phone, content, id=identifier) == identifier, "a phone that was away begins again"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": "many"}, 400),
        ({"Upload-Length": str(51 * 1024 * 1024)}, 413),
        ({"Upload-Length": "0"}, 422),
        ({"Upload-Metadata": "filetype dGV4dC9odG1s"}, 422),
        ({"Upload-Metadata": "filetype ???"}, 422),
        ({"Upload-Checksum": "md5 AAAA"}, 400),
    ],
)
async def test_a_wrong_announcement_is_refused_in_words(
    phone: httpx.AsyncClient, changes: dict[str, str], status: int
) -> None:
    answer = await phone.post("/uploads", headers={**describe(b"1234"), **changes})

    assert answer.status_code == status
    assert answer.json()["detail"]
    assert answer.headers["Tus-Resumable"] == "1.0.0"


async def test_a_person_and_a_district_have_quotas(files: ServiceUnderTest, phone: httpx.AsyncClient) -> None:
    rule = {
        "key": "upload.quota",
        "value": {
            "max_file_mib": 1, "person_daily_mib": 1, "person_open": 2, "district_gib": 1, "open_hours": 1
        },
        "title": "文件上传限额",
        "region": "620602000000",
        "effective_from": "2024-05-20",
        "basis": "凉数发〔2024〕2号",
        "confirmed": True,
    }  # fmt: skip
    made = await files.client_as("admin").post("/files/rules", json=rule)
    assert made.status_code == 201, made.text
    await create(phone, bytes(600_000))

    assert (await phone.post("/uploads", headers=describe(bytes(600_000)))).status_code == 429
    await create(phone, bytes(1000))
    assert (await phone.post("/uploads", headers=describe(bytes(1000)))).status_code == 429
    assert (await phone.post("/uploads", headers=describe(bytes(1_100_000)))).status_code == 413


async def test_one_photo_serves_a_visit_and_an_inspection(
    doors: SystemUnderTest, door: Callable[[str], ServiceUnderTest], phone: httpx.AsyncClient
) -> None:
    content = build_photo()
    photo = await send(phone, content)
    cadre = door("attendance").client_as("cadre", person="li")
    assets = AssetScenario(doors, door("assets"))
    asset = await assets.create_registered_asset()
    visit = await cadre.post("/attendance/visits", json={**VISIT, "photos": [photo]})
    inspection = await assets.clerk.post(
        f"/assets/{asset['id']}/inspections", json={"condition": "good", "photos": [photo]}
    )

    assert (visit.status_code, inspection.status_code) == (201, 201), (visit.text, inspection.text)
    for address, client in (("/attendance/files", cadre), ("/assets/files", assets.clerk)):
        shown = (await client.get(f"{address}/{photo}")).json()
        assert (shown["sha256"], shown["uploaded_by"]) == (hashlib.sha256(content).hexdigest(), "li")
        assert (await client.get(f"{address}/{photo}/content")).content == content
    copied = await send(phone, build_photo(side=100, quality=60))
    again = await cadre.post("/attendance/visits", json={**VISIT, "photos": [copied]})
    assert (visit.json()["photo_remarks"], inspection.json()["photo_remarks"]) == ([], [])
    assert again.json()["photo_remarks"] == ["照片1: 2024-05-20 的记录已用过这张照片"]


async def test_a_photo_of_elsewhere_is_of_no_use(
    door: Callable[[str], ServiceUnderTest], phone: httpx.AsyncClient
) -> None:
    photo = await send(phone, build_photo())
    stranger = door("attendance").client_as("cadre", "620602101202", person="zhao")
    answer = await stranger.post("/attendance/visits", json={**VISIT, "photos": [photo]})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "no_such_file")
    assert (await stranger.get(f"/attendance/files/{photo}/content")).status_code == 404


async def test_only_services_ask_which_files_are_of_use(phone: httpx.AsyncClient) -> None:
    photo = await send(phone, build_photo())
    body = {"ids": [photo], "readable": [photo], "held": [], "areas": []}

    assert (await phone.post("http://test/internal/files", json=body)).status_code == 403


async def test_display_copies_stand_upright_and_tell_nothing_of_the_camera(phone: httpx.AsyncClient) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "camera of li"
    photo = await send(phone, build_photo(side=2000, exif=exif))
    for size, longest in (("small", 320), ("large", 1600)):
        answer = await phone.get(f"/files/{photo}/content", params={"size": size})
        with Image.open(io.BytesIO(answer.content)) as copy:
            assert (answer.headers["content-type"], copy.format) == ("image/webp", "WEBP")
            assert copy.height == longest > copy.width
            assert not dict(copy.getexif())
        assert b"camera of li" not in answer.content
        assert len(answer.content) == int(answer.headers["content-length"])


async def test_time_and_place_of_a_photo_are_kept_also_of_heic(phone: httpx.AsyncClient) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:19 10:00:00"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (37.0, 36.0, 0.0), 3: "E", 4: (102.0, 54.0, 0.0)})
    wanted = {"taken_at": "2024:05:19 10:00:00", "lat": 37.6, "lon": 102.9}
    block = exif.tobytes()
    heic = (
        (20).to_bytes(4, "big")
        + b"ftypheic"
        + bytes(4)
        + b"heic"
        + (8).to_bytes(4, "big")
        + b"meta"
        + bytes(4)
        + block
    )
    jpeg = await send(phone, build_photo(exif=exif))
    apple = await send(phone, heic, filename="a.heic", filetype="image/heic")

    for photo in (jpeg, apple):
        assert (await phone.get(f"/files/{photo}")).json()["evidence"] == wanted
    assert (await phone.get(f"/files/{apple}/content", params={"size": "small"})).status_code == 404


async def test_a_picture_that_comes_again_is_marked(
    phone: httpx.AsyncClient, files: ServiceUnderTest
) -> None:
    first = await send(phone, build_photo(1))
    wang = files.client_as("cadre", person="wang")
    copied = await send(wang, build_photo(1, side=100, quality=60))
    other = await send(phone, build_photo(2))

    async def same(client: httpx.AsyncClient, photo: str) -> list[str]:
        evidence = (await client.get(f"/files/{photo}")).json()["evidence"]
        return [one["file_id"] for one in evidence.get("same_pictures", [])]

    assert (await same(phone, first), await same(wang, copied), await same(phone, other)) == ([], [first], [])


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=0-999999", 206, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=999999-", 416, slice(0, 0)),
    ],
)
async def test_a_download_goes_on_where_it_was_cut(
    phone: httpx.AsyncClient, asked: str, status: int, part: slice
) -> None:
    content = build_photo()
    address = f"/files/{await send(phone, content)}/content"
    answer = await phone.get(address, headers={"Range": asked})

    assert answer.status_code == status
    assert status == 416 or answer.content == content[part]
    told = await phone.head(address, headers={"Range": asked})
    assert (told.status_code, told.content) == (status, b"") or status == 416
    assert status == 416 or told.headers["content-length"] == str(len(answer.content))


async def test_the_same_content_is_stored_once(doors: SystemUnderTest, phone: httpx.AsyncClient) -> None:
    content = build_photo(3)
    first, second = await send(phone, content), await send(phone, content)
    shown = [(await phone.get(f"/files/{one}")).json()["sha256"] for one in (first, second)]
    places = {app.state.context.storage.location for app in doors.apps.values()}

    assert first != second
    assert shown[0] == shown[1]
    assert len(places) == 1, "one store for all services"


async def test_a_form_with_one_file_is_the_file(door: Callable[[str], ServiceUnderTest]) -> None:
    """What wx.uploadFile and the forms of web pages send."""
    town, content = door("projects").client_as("town_officer"), build_picture()
    sent = await town.post(
        "/projects/files", params={"name": "现场.jpg"}, files={"file": ("tmp_1.jpg", content, "image/jpeg")}
    )
    assert sent.status_code == 201, sent.text
    kept = await town.get(f"/projects/files/{sent.json()['id']}/content")
    bare = await town.post("/projects/files", params={"name": "现场.jpg"}, files={"note": (None, "没有文件")})
    disguised = await town.post(
        "/projects/files", params={"name": "现场.jpg"}, files={"file": ("a.jpg", b"not a jpeg", "image/jpeg")}
    )

    assert (kept.content, sent.json()["media_type"], sent.json()["name"]) == (
        content,
        "image/jpeg",
        "现场.jpg",
    )
    assert (bare.status_code, disguised.status_code) == (422, 422)
