"""Uploads: file metadata in the database, contents in `Storage` under their SHA-256."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Actor, May
from shared.db import execute_core, new_id, note_rows
from shared.db import file as file_table
from shared.errors import Conflict, FieldError, Invalid, NotFound, RateLimited, Unavailable
from shared.files.content import EXTENSIONS, clean_file_name, require_content
from shared.files.holders import find_held, find_readable
from shared.files.pictures import COPY_SIDES, copy_path, hash_picture, read_evidence
from shared.files.storage import StoredObject
from shared.unit_of_work import ServiceContext, UnitOfWork

CHECKS_AT_ONCE = 2
"""Files whose content is checked in memory at the same time, per process."""
MIB, GIB = 1024 * 1024, 1024 * 1024 * 1024
OWNER, FIND_PATH = "files", "/internal/files"
"""The service that owns uploads, and where the others ask it which of them a caller may use."""
TOTAL_MAX_AGE = timedelta(minutes=10)
"""How long the sum of all sizes is remembered before it is counted anew."""


class FileRead(BaseModel):
    """文件: `evidence` is the time and place in a photo's EXIF data, which prove neither."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    region: str
    uploaded_by: str
    uploaded_at: datetime
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upload:
    """Metadata a client sends with a file."""

    name: str
    media_type: str
    region: str
    id: UUID | None = None


async def store_upload(
    context: ServiceContext,
    actor: Actor,
    upload: Upload,
    chunks: AsyncIterable[bytes],
    limit: int,
    *,
    admit: Callable[[AsyncSession, int], Awaitable[None]] | None = None,
) -> sa.Row[Any]:
    """Store the stream, then the row. The same id with the same content is the first row, with other a Conflict.

    `admit` is asked with the size before the content is kept, in the transaction of the row: what it raises refuses both.
    Invalid when the content is not what the name and type say (shared/files/content.py), RateLimited over the quota.
    """
    if upload.media_type not in EXTENSIONS:
        detail = f"不接受这种文件: {upload.media_type}"
        raise Invalid(
            detail, "Unsupported media type", errors=[FieldError("media_type", detail, "", "/content-type")]
        )
    name = clean_file_name(upload.name)
    await _require_quota(context, actor)
    check = ContentCheck(context, name, upload.media_type)
    admitted: list[sa.Row[Any]] = []

    async def check_and_admit(content: AsyncIterable[bytes], sha256: str) -> None:
        await check.run(content, sha256)
        if admit is not None:
            async with context.database.write() as session:
                await admit(session, check.size)
                stored = StoredObject(sha256, check.size)
                admitted.append(await _insert_row(session, context, actor, upload, check, stored))

    stored = await context.storage.put(chunks, limit=limit, check=check_and_admit)
    if admitted:
        return admitted[0]
    async with context.database.write() as session:
        if upload.id is not None:
            earlier = (
                await execute_core(session, sa.select(file_table).where(file_table.c.id == upload.id))
            ).first()
            if earlier is not None and (earlier.sha256, earlier.uploaded_by) != (stored.sha256, actor.id):
                raise Conflict("这个编号已有另一个文件", "This id is taken by another file")
            if earlier is not None:
                return earlier
        return await _insert_row(session, context, actor, upload, check, stored)


async def _insert_row(
    session: AsyncSession,
    context: ServiceContext,
    actor: Actor,
    upload: Upload,
    check: "ContentCheck",
    stored: StoredObject,
) -> sa.Row[Any]:
    values = {
        "id": upload.id or new_id(),
        "sha256": stored.sha256,
        "size": stored.size,
        "media_type": upload.media_type,
        "name": check.name,
        "region": upload.region,
        "uploaded_by": actor.id,
        "uploaded_at": context.clock(),
        "evidence": check.evidence,
    }
    note_rows(session, file_table, [values])
    return (await execute_core(session, file_table.insert().values(**values).returning(*file_table.c))).one()


def get_check_places(context: ServiceContext) -> asyncio.Semaphore:
    """Places for contents that are held in memory whole: `CHECKS_AT_ONCE`."""
    places: asyncio.Semaphore = context.memory.setdefault("file_checks", asyncio.Semaphore(CHECKS_AT_ONCE))
    return places


@dataclass
class ContentCheck:
    """The check of a content before it is kept; afterwards what it found: evidence, and the hash of a picture."""

    context: ServiceContext
    name: str
    media_type: str
    evidence: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    size: int = 0
    picture_hash: int | None = None
    """Perceptual hash of 64 bits (shared/files/pictures.py); None for what is no picture that this system decodes."""

    async def run(self, chunks: AsyncIterable[bytes], sha256: str) -> None:
        """Invalid when the content is empty, or not what name and type say."""
        self.sha256 = sha256
        async with get_check_places(self.context):
            content = b"".join([chunk async for chunk in chunks])
            if not content:
                raise Invalid("文件是空的", "The file is empty")
            self.size = len(content)
            await asyncio.to_thread(self._check, content)

    def _check(self, content: bytes) -> None:
        require_content(self.name, self.media_type, content)
        if self.media_type.startswith("image/"):
            self.evidence = read_evidence(content)
            self.picture_hash = hash_picture(content)


async def _require_quota(context: ServiceContext, actor: Actor) -> None:
    """RateLimited when the caller stored a day's quota, Unavailable when the whole store is full by its setting."""
    settings = context.settings
    async with context.database.read() as session:
        since = context.clock() - timedelta(days=1)
        theirs = sa.select(sa.func.coalesce(sa.func.sum(file_table.c.size), 0)).where(
            file_table.c.uploaded_by == actor.id, file_table.c.uploaded_at > since
        )
        if (await execute_core(session, theirs)).scalar_one() >= settings.upload_person_daily_mib * MIB:
            raise RateLimited(
                f"一天之内上传已达 {settings.upload_person_daily_mib} MiB, 请明天再传",
                "The daily upload quota is used up",
                headers={"Retry-After": "3600"},
            )
        counted_at, total = context.memory.get("stored_bytes", (None, 0))
        if counted_at is None or context.clock() - counted_at > TOTAL_MAX_AGE:
            total = (
                await execute_core(session, sa.select(sa.func.coalesce(sa.func.sum(file_table.c.size), 0)))
            ).scalar_one()
            context.memory["stored_bytes"] = (context.clock(), total)
    if total >= settings.upload_total_gib * GIB:
        raise Unavailable("文件存储已满, 请联系系统管理员", "The file store is full", retry_after=3600)


async def get_file(work: UnitOfWork, file_id: UUID) -> FileRead:
    """One file that the caller may read, of this service or of services/files; NotFound otherwise."""
    found = await _find(work, [file_id], to_attach=False)
    if not found:
        raise NotFound("没有这个文件", "No such file")
    return found[str(file_id)]


async def find_files(work: UnitOfWork, ids: Sequence[str]) -> dict[str, FileRead]:
    """By id, those of the files that the caller may attach: of this service, else finished uploads of services/files."""
    uuids = [uuid for uuid in map(_parse_uuid, {one for one in ids if one}) if uuid is not None]
    return await _find(work, uuids, to_attach=True)


async def _find(work: UnitOfWork, ids: Sequence[UUID], *, to_attach: bool) -> dict[str, FileRead]:
    if not ids:
        return {}
    local, readable = await find_readable(work, ids, to_attach=to_attach)
    found = {str(one): FileRead.model_validate(readable[one]) for one in readable}
    missing = [one for one in ids if one not in local]
    if not missing or work.context.name == OWNER:
        return found
    held, visible = await find_held(work, missing)
    areas = [(low, high) for _, low, high in work.actor.list_reaches(May.FILE_READ)] if to_attach else []
    asked = {
        "ids": [str(one) for one in missing],
        "readable": [str(one) for one in visible],
        "held": [str(one) for one in held],
        "areas": areas,
    }
    answer = await work.service_client(OWNER).post(FIND_PATH, json=asked)
    return found | {one["id"]: FileRead.model_validate(one) for one in answer["items"]}


async def delete_contents(context: ServiceContext, digests: Sequence[str]) -> None:
    """Delete contents that no row needs any more, with the display copies made of them."""
    for sha256 in digests:
        await context.storage.delete_content(sha256)
        await context.storage.delete_objects(copy_path(sha256, size) for size in COPY_SIDES)


async def require_files(
    work: UnitOfWork, ids: Sequence[str], pointer: str = "/photos"
) -> dict[str, FileRead]:
    """The files by id; Invalid unless every id names a file that the caller may attach."""
    found = await find_files(work, ids)
    missing = sorted({one for one in ids if one} - set(found))
    if missing:
        raise Invalid(
            f"没有这些文件, 请先上传: {'、'.join(missing)}",
            "Upload the files first",
            errors=[
                FieldError("no_such_file", f"没有文件 {file_id}", f"no file {file_id}", pointer)
                for file_id in missing
            ],
        )
    return found


def _parse_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
