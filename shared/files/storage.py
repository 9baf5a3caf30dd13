"""Content-addressed storage: file contents under their SHA-256, in a folder or in S3; contents never change."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from shared.db import new_id
from shared.errors import NotFound, TooLarge, Unavailable

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredObject:
    """SHA-256 (hex) and size (bytes) of a stored stream."""

    sha256: str
    size: int


class Storage:
    """File contents of one service. `location` is a folder or a URL such as s3://bucket/prefix."""

    def __init__(self, location: str) -> None:
        self.location = location
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

    async def put(self, chunks: AsyncIterable[bytes], *, limit: int) -> StoredObject:
        """Store a stream; TooLarge beyond `limit` bytes. A stream that fails leaves nothing behind."""
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
            await obstore.rename_async(self._store, temporary_path, _object_path(digest.hexdigest()))
        except OSError as error:
            raise Unavailable("文件存储暂不可用", "The file store is not available") from error
        except BaseException:
            await self._delete(temporary_path)
            raise
        return StoredObject(digest.hexdigest(), size)

    async def stream(self, sha256: str) -> AsyncIterator[bytes]:
        """Stream the content in chunks; NotFound when it is missing."""
        try:
            stored = await obstore.get_async(self._store, _object_path(sha256))
        except FileNotFoundError as error:
            raise NotFound("文件内容缺失", "The file's content is missing") from error
        async for chunk in stored.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)

    async def delete(self, sha256: str) -> None:
        """Take a content out of the store; nothing happens when it is not there."""
        await self._delete(_object_path(sha256))

    async def _delete(self, path: str) -> None:
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return


def _object_path(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
