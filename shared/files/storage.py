"""Content-addressed storage: file contents under their SHA-256, in a folder or in S3; contents never change, erased ones go."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from shared.db import new_id
from shared.errors import NotFound, TooLarge, Unavailable
from shared.metrics import FILE_STORE_FAILURES

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredObject:
    """SHA-256 (hex) and size (bytes) of a stored stream."""

    sha256: str
    size: int


class Storage:
    """File contents of all services. `location` is a folder or a URL such as s3://bucket/prefix.

    `earlier` is the folder in which this service kept its contents alone; it is still read.
    """

    def __init__(self, location: str, *, earlier: str = "") -> None:
        self.location = location
        self.earlier = earlier
        self._has_earlier = bool(earlier) and Path(earlier).is_dir()
        self._open_store: ObjectStore | None = None

    @property
    def _store(self) -> ObjectStore:
        if self._open_store is None:
            if "://" in self.location:
                self._open_store = from_url(self.location)
            else:
                Path(self.location).mkdir(parents=True, exist_ok=True)
                self._open_store = LocalStore(prefix=self.location)
        return self._open_store

    async def put(
        self,
        chunks: AsyncIterable[bytes],
        *,
        limit: int,
        check: Callable[[AsyncIterable[bytes], str], Awaitable[None]] | None = None,
    ) -> StoredObject:
        """Store a stream; TooLarge beyond `limit` bytes. A stream that fails leaves nothing behind.

        `check` is handed the whole content and its SHA-256 before others can find it; what it raises refuses the content.
        """
        digest, size = hashlib.sha256(), 0
        temporary_path = f"arriving/{new_id()}"
        try:
            async with obstore.open_writer_async(
                self._store, temporary_path, buffer_size=CHUNK_BYTES
            ) as writer:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge(f"文件超过 {limit // 1024 // 1024} MiB", f"Over {limit} bytes")
                    digest.update(chunk)
                    await writer.write(chunk)
            if check is not None:
                await check(_read(self._store, temporary_path, None), digest.hexdigest())
            await obstore.rename_async(self._store, temporary_path, _object_path(digest.hexdigest()))
        except OSError as error:
            FILE_STORE_FAILURES.inc()
            raise Unavailable("文件存储暂不可用", "The file store is not available") from error
        except BaseException:
            await self._delete(temporary_path)
            raise
        return StoredObject(digest.hexdigest(), size)

    async def stream(self, sha256: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Stream the content, or its bytes from `start` to before `end`; NotFound when it is missing."""
        part = None if end is None else (start, end)
        stores = [self._store, *([LocalStore(prefix=self.earlier)] if self._has_earlier else [])]
        for store in stores:
            try:
                async for chunk in _read(store, _object_path(sha256), part):
                    yield chunk
            except FileNotFoundError:
                continue
            return
        raise NotFound("文件内容缺失", "The file's content is missing")

    async def put_object(self, path: str, content: bytes) -> None:
        """Store bytes under a path of their own: a part of an upload, a display copy."""
        try:
            await obstore.put_async(self._store, path, content)
        except OSError as error:
            raise Unavailable("文件存储暂不可用", "The file store is not available") from error

    async def find_object(self, path: str) -> bytes | None:
        """What was stored under a path by `put_object`; None when nothing was."""
        try:
            return b"".join([chunk async for chunk in _read(self._store, path, None)])
        except FileNotFoundError:
            return None

    async def delete_objects(self, paths: Iterable[str]) -> None:
        """Delete what `put_object` stored; nothing happens when it is not there."""
        for path in paths:
            await self._delete(path)

    async def delete_content(self, sha256: str) -> None:
        """Delete a content, also where this service kept it alone; nothing happens when it is not there."""
        await self._delete(_object_path(sha256))
        if self._has_earlier:
            await self._delete(_object_path(sha256), LocalStore(prefix=self.earlier))

    async def _delete(self, path: str, store: ObjectStore | None = None) -> None:
        try:
            await obstore.delete_async(store or self._store, path)
        except FileNotFoundError:
            return


async def _read(store: ObjectStore, path: str, part: tuple[int, int] | None) -> AsyncIterator[bytes]:
    stored = await obstore.get_async(store, path, options={} if part is None else {"range": part})
    async for chunk in stored.stream(min_chunk_size=CHUNK_BYTES):
        yield bytes(chunk)


def _object_path(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
