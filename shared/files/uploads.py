"""Uploads: file metadata in the database, contents in `Storage` under their SHA-256."""

import asyncio
import io
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from PIL import ExifTags, Image, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict

from shared.auth import Actor, May
from shared.db import execute_core, file, new_id
from shared.errors import Conflict, FieldError, Invalid, NotFound, RateLimited, Unavailable
from shared.files.content import EXTENSIONS, MAX_PICTURE_PIXELS, clean_file_name, require_content
from shared.unit_of_work import ServiceContext, UnitOfWork

CHECKS_AT_ONCE = 2
"""Files whose content is checked in memory at the same time, per process."""
MIB, GIB = 1024 * 1024, 1024 * 1024 * 1024
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
    context: ServiceContext, actor: Actor, upload: Upload, chunks: AsyncIterable[bytes], limit: int
) -> sa.Row[Any]:
    """Store the stream, then the row. The same id with the same content is the first row, with other a Conflict.

    Invalid when the content is not what the name and type say (shared/files/content.py), RateLimited over the quota.
    """
    if upload.media_type not in EXTENSIONS:
        detail = f"不接受这种文件: {upload.media_type}"
        raise Invalid(
            detail, "Unsupported media type", errors=[FieldError("media_type", detail, "", "/content-type")]
        )
    name = clean_file_name(upload.name)
    await _require_quota(context, actor)
    stored = await context.storage.put(chunks, limit=limit)
    if stored.size == 0:
        raise Invalid("文件是空的", "The file is empty")
    evidence = await _check_content(context, name, upload.media_type, stored.sha256)
    async with context.database.write() as session:
        if upload.id is not None:
            earlier = (await execute_core(session, sa.select(file).where(file.c.id == upload.id))).first()
            if earlier is not None and (earlier.sha256, earlier.uploaded_by) != (stored.sha256, actor.id):
                raise Conflict("这个编号已有另一个文件", "This id is taken by another file")
            if earlier is not None:
                return earlier
        values = {
            "id": upload.id or new_id(),
            "sha256": stored.sha256,
            "size": stored.size,
            "media_type": upload.media_type,
            "name": name,
            "region": upload.region,
            "uploaded_by": actor.id,
            "uploaded_at": context.clock(),
            "evidence": evidence,
        }
        return (await execute_core(session, file.insert().values(**values).returning(*file.c))).one()


async def _check_content(context: ServiceContext, name: str, media_type: str, sha256: str) -> dict[str, Any]:
    """The evidence in the stored content; content that is refused is taken out of the store again."""
    places: asyncio.Semaphore = context.memory.setdefault("file_checks", asyncio.Semaphore(CHECKS_AT_ONCE))
    async with places:
        content = b"".join([chunk async for chunk in context.storage.stream(sha256)])
        try:
            await asyncio.to_thread(require_content, name, media_type, content)
        except Invalid:
            await _delete_unused(context, sha256)
            raise
        return await asyncio.to_thread(_exif_evidence, content) if media_type.startswith("image/") else {}


async def _delete_unused(context: ServiceContext, sha256: str) -> None:
    async with context.database.read() as session:
        used = (
            await execute_core(session, sa.select(file.c.id).where(file.c.sha256 == sha256).limit(1))
        ).first()
    if used is None:
        await context.storage.delete(sha256)


async def _require_quota(context: ServiceContext, actor: Actor) -> None:
    """RateLimited when the caller stored a day's quota, Unavailable when the whole store is full by its setting."""
    settings = context.settings
    async with context.database.read() as session:
        since = context.clock() - timedelta(days=1)
        theirs = sa.select(sa.func.coalesce(sa.func.sum(file.c.size), 0)).where(
            file.c.uploaded_by == actor.id, file.c.uploaded_at > since
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
                await execute_core(session, sa.select(sa.func.coalesce(sa.func.sum(file.c.size), 0)))
            ).scalar_one()
            context.memory["stored_bytes"] = (context.clock(), total)
    if total >= settings.upload_total_gib * GIB:
        raise Unavailable("文件存储已满, 请联系系统管理员", "The file store is full", retry_after=3600)


async def get_file(work: UnitOfWork, file_id: UUID) -> sa.Row[Any]:
    """The row of one file in the caller's regions; NotFound otherwise."""
    query = sa.select(file).where(file.c.id == file_id, work.actor.scope_filter(May.FILE_READ, file.c.region))
    row = (await execute_core(work.session, query)).first()
    if row is None:
        raise NotFound("没有这个文件", "No such file")
    return row


async def find_files(work: UnitOfWork, ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """The rows, by id, of those of the files that the caller may read."""
    uuids = [uuid for uuid in map(_parse_uuid, {one for one in ids if one}) if uuid is not None]
    if not uuids:
        return {}
    query = sa.select(file).where(file.c.id.in_(uuids), work.actor.scope_filter(May.FILE_READ, file.c.region))
    return {str(row.id): row for row in await execute_core(work.session, query)}


async def require_files(
    work: UnitOfWork, ids: Sequence[str], pointer: str = "/photos"
) -> dict[str, sa.Row[Any]]:
    """The rows of files by id; Invalid unless every id names a file that the caller may read."""
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


def _exif_evidence(content: bytes) -> dict[str, Any]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_PICTURE_PIXELS:
                return {}
            exif = image.getexif()
            taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
            place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return {}
    evidence: dict[str, Any] = {}
    if taken:
        evidence["taken_at"] = str(taken)[:40]
    lat = _parse_degrees(place.get(ExifTags.GPS.GPSLatitude), place.get(ExifTags.GPS.GPSLatitudeRef))
    lon = _parse_degrees(place.get(ExifTags.GPS.GPSLongitude), place.get(ExifTags.GPS.GPSLongitudeRef))
    if lat is not None and lon is not None:
        evidence |= {"lat": lat, "lon": lon}
    return evidence


def _parse_degrees(parts: Any, side: Any) -> float | None:  # noqa: ANN401 - EXIF values of any type
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    return round(-value if str(side).upper() in {"S", "W"} else value, 6)
