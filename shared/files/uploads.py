"""Uploads: file metadata in the database, contents in `Storage` under their SHA-256."""

import asyncio
import io
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from PIL import ExifTags, Image, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict

from shared.auth import Actor, May
from shared.db import execute_core, file, new_id
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.unit_of_work import ServiceContext, UnitOfWork

ACCEPTED_MEDIA_TYPES = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/heic",
        "application/pdf",
        "application/msword",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel",
        "text/csv",
        "video/mp4",
        "audio/mp4",
    }
)
MAX_PHOTO_PIXELS = 80_000_000


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
    """Store the content, then insert and return the row.

    A repeated id with the same content returns the first row; with other content it raises Conflict.
    """
    if upload.media_type not in ACCEPTED_MEDIA_TYPES:
        detail = f"不接受这种文件: {upload.media_type}"
        raise Invalid(
            detail, "Unsupported media type", errors=[FieldError("media_type", detail, "", "/content-type")]
        )
    stored = await context.storage.put(chunks, limit=limit)
    if stored.size == 0:
        raise Invalid("文件是空的", "The file is empty")
    evidence = {}
    if upload.media_type.startswith("image/"):
        content = b"".join([chunk async for chunk in context.storage.stream(stored.sha256)])
        evidence = await asyncio.to_thread(_exif_evidence, content)
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
            "name": upload.name,
            "region": upload.region,
            "uploaded_by": actor.id,
            "uploaded_at": context.clock(),
            "evidence": evidence,
        }
        return (await execute_core(session, file.insert().values(**values).returning(*file.c))).one()


async def get_file(work: UnitOfWork, file_id: UUID) -> sa.Row[Any]:
    """The row of one file in the caller's regions; NotFound otherwise."""
    query = sa.select(file).where(file.c.id == file_id, work.actor.scope_filter(May.FILE_READ, file.c.region))
    row = (await execute_core(work.session, query)).first()
    if row is None:
        raise NotFound("没有这个文件", "No such file")
    return row


async def require_files(work: UnitOfWork, ids: Sequence[str], pointer: str = "/photos") -> None:
    """Raise Invalid unless every id names a file that the caller may read."""
    requested = {file_id for file_id in ids if file_id}
    found: set[str] = set()
    uuids = [uuid for uuid in map(_parse_uuid, requested) if uuid is not None]
    if uuids:
        query = sa.select(file.c.id).where(
            file.c.id.in_(uuids), work.actor.scope_filter(May.FILE_READ, file.c.region)
        )
        found = {str(uuid) for uuid in (await execute_core(work.session, query)).scalars()}
    missing = sorted(requested - found)
    if missing:
        raise Invalid(
            f"没有这些文件, 请先上传: {'、'.join(missing)}",
            "Upload the files first",
            errors=[
                FieldError("no_such_file", f"没有文件 {file_id}", f"no file {file_id}", pointer)
                for file_id in missing
            ],
        )


def _parse_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _exif_evidence(content: bytes) -> dict[str, Any]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_PHOTO_PIXELS:
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
