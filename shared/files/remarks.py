"""Remarks on the photos of a record: what whoever reviews it should look at. A remark refuses nothing: EXIF proves nothing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from shared.china import haversine_m
from shared.db import Record, execute_core, file, file_holder
from shared.files.uploads import FileRead
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

EXIF_TIME = "%Y:%m:%d %H:%M:%S"
DAYS_APART = 1
"""How many days the camera's day may be away from the record's: its clock has no zone, and people write after midnight."""
METRES_APART = 1000
"""How far the camera's place may be from the record's: cameras that write GCJ-02 are up to 700 m off."""
MIN_DEGREES = 0.01
"""Coordinates nearer than this to 0, 0 are a receiver's empty value."""


@dataclass(frozen=True, slots=True)
class PhotoClaim:
    """What a record says of its photos: taken from `first` to `last`, at `place` (WGS-84 longitude, latitude) if it has one."""

    first: date
    last: date
    place: tuple[float, float] | None = None


def parse_exif_time(evidence: Mapping[str, Any]) -> datetime | None:
    """The time that the camera wrote into the picture, which is the local time of Beijing; None when it is unreadable."""
    try:
        return datetime.strptime(str(evidence.get("taken_at", "")), EXIF_TIME).replace(tzinfo=CHINA_TIME_ZONE)
    except ValueError:
        return None


async def list_photo_remarks(
    work: UnitOfWork,
    table: type[Record],
    ids: Sequence[str],
    files: Mapping[str, FileRead],
    claim: PhotoClaim,
) -> list[str]:
    """Remarks in words, photo by photo: another day, another place, used twice, used by an earlier record of `table`.

    `ids` in the record's order, `files` by id. A picture counts as used when an earlier record of this table holds the
    same file, the same content uploaded for the same region, or an upload that services/files found to be the same picture
    (`same_pictures`). Two statements, three when a picture was used. Call it before the record is saved.
    """
    if not ids:
        return []
    used = await _find_used(work, table, files)
    remarks, seen = [], set()
    for number, one in enumerate(ids, start=1):
        found = files[one]
        remarks += [f"照片{number}: {words}" for words in _compare(found.evidence, claim)]
        if found.sha256 in seen:
            remarks.append(f"照片{number}: 同一张照片用了两次")
        elif one in used:
            remarks.append(f"照片{number}: {used[one]} 的记录已用过这张照片")
        seen.add(found.sha256)
    return remarks


def _compare(evidence: Mapping[str, Any], claim: PhotoClaim) -> Iterator[str]:
    taken_at = parse_exif_time(evidence)
    if taken_at is not None:
        day, slack = taken_at.date(), timedelta(days=DAYS_APART)
        if not claim.first - slack <= day <= claim.last + slack:
            yield f"相机记录的拍摄日期是 {day}, 记录的日期是 {claim.last}"
    lon, lat = evidence.get("lon"), evidence.get("lat")
    if claim.place is None or lon is None or lat is None or max(abs(lon), abs(lat)) < MIN_DEGREES:
        return
    away = haversine_m((lon, lat), claim.place)
    if away > METRES_APART:
        yield f"相机记录的拍摄地点距记录的地点 {away / 1000:,.1f} 公里"


async def _find_used(work: UnitOfWork, table: type[Record], files: Mapping[str, FileRead]) -> dict[str, date]:
    """By id of a file, the day of the latest record of the table that holds the picture."""
    pictures = {
        one: {found.id, *(UUID(same["file_id"]) for same in found.evidence.get("same_pictures", ()))}
        for one, found in files.items()
    }
    query = sa.select(file.c.id, file.c.sha256).where(
        file.c.region.in_({found.region for found in files.values()}),
        file.c.sha256.in_({found.sha256 for found in files.values()}),
    )
    copies = (await execute_core(work.session, query)).all()
    for one, found in files.items():
        pictures[one] |= {row.id for row in copies if row.sha256 == found.sha256}
    holders = await _list_holders(work, str(table.__tablename__), set().union(*pictures.values()))
    if not holders:
        return {}
    records = {record for _, record in holders}
    held = (
        await work.session.exec(
            select(col(table.id), col(table.created_at)).where(col(table.id).in_(records))
        )
    ).all()
    days = {record: created_at.astimezone(CHINA_TIME_ZONE).date() for record, created_at in held}
    used: dict[str, date] = {}
    for one, ids in pictures.items():
        if found_days := [days[record] for file_id, record in holders if file_id in ids and record in days]:
            used[one] = max(found_days)
    return used


async def _list_holders(work: UnitOfWork, holder: str, ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    query = sa.select(file_holder.c.file_id, file_holder.c.record_id).where(
        file_holder.c.file_id.in_(ids), file_holder.c.holder == holder
    )
    return [(row.file_id, UUID(row.record_id)) for row in await execute_core(work.session, query)]
