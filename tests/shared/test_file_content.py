"""Uploads are what they say: recognised by their bytes, whole, and never two kinds of file at once."""

import io
import zipfile
from pathlib import Path

import httpx
import pytest

from shared.files.content import DOCX, EXTENSIONS, XLSX, clean_file_name
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.sample_files import build_media, build_office, build_ole, build_pdf, build_picture

GOOD_FILES = {
    "image/jpeg": ("a.jpg", build_picture("JPEG", number=1)),
    "image/png": ("a.png", build_picture("PNG", number=1)),
    "image/webp": ("a.webp", build_picture("WEBP", number=1)),
    "image/heic": ("a.heic", build_media(b"heic", b"meta")),
    "application/pdf": ("a.pdf", build_pdf()),
    "application/msword": ("a.doc", build_ole("WordDocument")),
    "application/vnd.ms-excel": ("a.xls", build_ole("Workbook")),
    DOCX: ("a.docx", build_office("word")),
    XLSX: ("a.xlsx", build_office("xl")),
    "text/csv": ("a.csv", "村,人数\n甲子村,12\n".encode("gb18030")),
    "video/mp4": ("a.mp4", build_media(b"isom", b"moov")),
    "audio/mp4": ("a.m4a", build_media(b"M4A ", b"moov")),
}


def _zip(content: bytes = b"") -> bytes:
    out = io.BytesIO(content)
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("run.js", "alert(1)")
    return out.getvalue()


JPEG, PNG, PDF = (GOOD_FILES[one][1] for one in ("image/jpeg", "image/png", "application/pdf"))
BAD_FILES = {
    "cut off picture": ("a.jpg", "image/jpeg", JPEG[: len(JPEG) // 2]),
    "two bytes": ("a.jpg", "image/jpeg", b"\xff\xd8"),
    "text as a picture": ("a.png", "image/png", b"hello"),
    "another picture format": ("a.jpg", "image/jpeg", PNG),
    "GIF as JPEG": ("a.jpg", "image/jpeg", b"GIF89a" + bytes(40)),
    "picture and archive": ("a.jpg", "image/jpeg", JPEG + _zip()),
    "picture with an archive behind": ("a.png", "image/png", _zip(PNG)),
    "document in a picture": (
        "a.jpg",
        "image/jpeg",
        JPEG[:2] + b"\xff\xfe\x00\x10%PDF-1.4 %%EOF\x00" + JPEG[2:],
    ),
    "page in a picture": ("a.jpg", "image/jpeg", JPEG[:2] + b"\xff\xfe\x00\x0b<script>x" + JPEG[2:]),
    "half a document": ("a.pdf", "application/pdf", b"%PDF-1.7 half"),
    "document that begins later": ("a.pdf", "application/pdf", b"\n\n" + PDF),
    "document and archive": ("a.pdf", "application/pdf", _zip(PDF)),
    "page as a document": ("a.pdf", "application/pdf", b"<html>%PDF-1.4 %%EOF"),
    "archive as a workbook": ("a.xlsx", XLSX, _zip()),
    "letter as a workbook": ("a.xlsx", XLSX, build_office("word")),
    "program as a table": ("a.csv", "text/csv", b"MZ\x90\x00\x03"),
    "name of another kind": ("a.exe", "image/jpeg", JPEG),
    "type of another kind": ("a.svg", "image/svg+xml", b"<svg/>"),
    "page": ("a.html", "text/html", b"<html></html>"),
    "empty": ("a.csv", "text/csv", b""),
}


def _macro_workbook() -> bytes:
    out = io.BytesIO(build_office("xl"))
    with zipfile.ZipFile(out, "a") as package:
        package.writestr("xl/vbaProject.bin", "x")
    return out.getvalue()


@pytest.fixture
def clerk(doors: SystemUnderTest) -> httpx.AsyncClient:
    return doors.service("projects").client_as("village_clerk")


async def _upload(client: httpx.AsyncClient, name: str, media_type: str, content: bytes) -> httpx.Response:
    return await client.post(
        "/projects/files", params={"name": name}, content=content, headers={"content-type": media_type}
    )


def test_every_accepted_type_has_a_sample() -> None:
    assert set(GOOD_FILES) == set(EXTENSIONS)


@pytest.mark.parametrize("media_type", GOOD_FILES)
async def test_a_whole_file_of_its_kind_is_taken(clerk: httpx.AsyncClient, media_type: str) -> None:
    name, content = GOOD_FILES[media_type]

    assert (await _upload(clerk, name, media_type, content)).status_code == 201


@pytest.mark.parametrize("case", BAD_FILES)
async def test_what_is_not_what_it_says_is_refused(
    doors: SystemUnderTest, clerk: httpx.AsyncClient, case: str
) -> None:
    name, media_type, content = BAD_FILES[case]
    answer = await _upload(clerk, name, media_type, content)

    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


async def test_a_workbook_with_macros_is_refused(clerk: httpx.AsyncClient) -> None:
    assert (await _upload(clerk, "a.xlsx", XLSX, _macro_workbook())).status_code == 422


async def test_refused_content_does_not_stay_in_the_store(
    doors: SystemUnderTest, clerk: httpx.AsyncClient
) -> None:
    await _upload(clerk, "a.pdf", "application/pdf", b"%PDF-1.7 half of a rare document")
    kept = doors.apps["projects"].state.context.storage.location

    assert not _holds(kept, b"half of a rare document")


def _holds(place: str, words: bytes) -> bool:
    return any(words in path.read_bytes() for path in Path(place).rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\temp\\表.csv", "表.csv"),
        ("a\r\nSet-Cookie: x.csv", "aSet-Cookie: x.csv"),
    ],
)
async def test_a_file_name_keeps_no_folder(clerk: httpx.AsyncClient, given: str, kept: str) -> None:
    answer = await _upload(clerk, given, "text/csv", b"a,b\n")

    assert answer.json()["name"] == kept == clean_file_name(given)


@pytest.mark.parametrize("name", ["invoice\u202efdp.csv", "村\u200b表.csv"])
async def test_a_file_name_with_invisible_characters_is_refused(clerk: httpx.AsyncClient, name: str) -> None:
    answer = await _upload(clerk, name, "text/csv", b"a,b\n")

    assert answer.status_code == 400
    assert "name" in answer.text


async def test_one_person_cannot_fill_the_store(
    doors: SystemUnderTest, clerk: httpx.AsyncClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = doors.apps["projects"].state.context
    monkeypatch.setattr(
        context, "settings", context.settings.model_copy(update={"upload_person_daily_mib": 1})
    )
    table = b"a,b\n" * (300 * 1024)
    first = await _upload(clerk, "a.csv", "text/csv", table)
    over = await _upload(clerk, "b.csv", "text/csv", b"a,b\n")
    colleague = doors.service("projects").client_as("town_officer")
    others = await _upload(colleague, "c.csv", "text/csv", b"a,b\n")

    assert (first.status_code, over.status_code, others.status_code) == (201, 429, 201)
    assert over.headers["retry-after"]


async def test_a_full_store_says_so(
    doors: SystemUnderTest, clerk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = doors.apps["projects"].state.context
    monkeypatch.setitem(
        context.memory, "stored_bytes", (context.clock(), context.settings.upload_total_gib << 30)
    )

    assert (await _upload(clerk, "a.csv", "text/csv", b"a,b\n")).status_code == 503
