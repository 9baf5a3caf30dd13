"""The content store: bytes under their own SHA-256, in a folder or in S3, written once and never changed."""

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
    """What a stream turned out to be: SHA-256 in hex and size in bytes."""

    sha256: str
    size: int


class Storage:
    """One service's files. `place` is a folder, or a URL such as s3://bucket/prefix."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._opened: ObjectStore | None = None

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None:
            if "://" in self.place:
                self._opened = from_url(self.place)
            else:
                Path(self.place).mkdir(parents=True, exist_ok=True)
                self._opened = LocalStore(prefix=self.place)
        return self._opened

    async def put(self, chunks: AsyncIterable[bytes], *, limit: int) -> StoredObject:
        """Store a stream; TooLarge past the limit (bytes). A stream that breaks off leaves nothing behind."""
        digest, size = hashlib.sha256(), 0
        arriving = f"arriving/{new_id()}"
        try:
            async with obstore.open_writer_async(self._store, arriving, buffer_size=CHUNK_BYTES) as writer:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge(f"文件超过 {limit // 1024 // 1024} MiB", f"Over {limit} bytes")
                    digest.update(chunk)
                    await writer.write(chunk)
            await obstore.rename_async(self._store, arriving, _object_path(digest.hexdigest()))
        except OSError as error:
            raise Unavailable("文件存储暂不可用", "The file store is not available") from error
        except BaseException:
            await self._delete(arriving)
            raise
        return StoredObject(digest.hexdigest(), size)

    async def stream(self, sha256: str) -> AsyncIterator[bytes]:
        """The bytes, part by part; NotFound when they are not here."""
        try:
            found = await obstore.get_async(self._store, _object_path(sha256))
        except FileNotFoundError as error:
            raise NotFound("文件内容缺失", "The file's content is missing") from error
        async for part in found.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(part)

    async def _delete(self, path: str) -> None:
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return


def _object_path(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
