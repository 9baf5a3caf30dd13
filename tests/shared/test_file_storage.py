"""Files are kept under their digest, whole or not at all, in a folder or in S3."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.errors import NotFound, TooLarge, Unavailable
from shared.files import CHUNK_BYTES, Storage
from tests.shared.fake_object_store import FakeObjectStore

LARGE_CONTENT = b"0123456789abcdef" * (CHUNK_BYTES * 7 // 16)
"""More than one part of a multipart upload."""


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeObjectStore]:
    store = FakeObjectStore()
    for name, value in {
        "AWS_ENDPOINT": store.url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "cn-northwest-1",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
    }.items():
        monkeypatch.setenv(name, value)
    yield store
    store.stop()


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return Storage(str(tmp_path / "files"))
    request.getfixturevalue("objects")
    return Storage("s3://bucket/funds")


async def iterate_chunks(content: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read_content(storage: Storage, digest: str) -> bytes:
    return b"".join([part async for part in storage.stream(digest)])


@pytest.mark.parametrize("content", [b"", b"a photo", LARGE_CONTENT], ids=["empty", "small", "large"])
async def test_what_is_put_comes_back(storage: Storage, content: bytes) -> None:
    stored = await storage.put(iterate_chunks(content), limit=len(LARGE_CONTENT))

    assert (stored.sha256, stored.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert await read_content(storage, stored.sha256) == content


async def test_the_same_content_is_kept_once(storage: Storage) -> None:
    first = await storage.put(iterate_chunks(b"same"), limit=100)
    second = await storage.put(iterate_chunks(b"same"), limit=100)

    assert first == second
    assert await read_content(storage, first.sha256) == b"same"


async def test_what_was_never_put_is_not_found(storage: Storage) -> None:
    with pytest.raises(NotFound):
        await read_content(storage, "0" * 64)


async def test_past_the_limit_nothing_is_left(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "files"))
    with pytest.raises(TooLarge):
        await storage.put(iterate_chunks(LARGE_CONTENT), limit=CHUNK_BYTES)

    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_a_stream_that_breaks_off_leaves_nothing_in_s3(objects: FakeObjectStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield LARGE_CONTENT
        raise ConnectionResetError("the phone went into a tunnel")

    with pytest.raises((ConnectionResetError, Unavailable)):
        await Storage("s3://bucket/funds").put(broken(), limit=2 * len(LARGE_CONTENT))

    assert objects.objects == {}


async def test_files_in_s3_lie_under_the_prefix_by_digest(objects: FakeObjectStore) -> None:
    stored = await Storage("s3://bucket/funds").put(iterate_chunks(b"a photo"), limit=100)

    digest = stored.sha256
    assert list(objects.objects) == [f"/bucket/funds/{digest[:2]}/{digest[2:4]}/{digest}"]
