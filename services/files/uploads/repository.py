"""Statements over uploads, their parts and pictures."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, delete, select, update

from services.files.uploads.calculation import split_hash
from services.files.uploads.models import FileUpload, Picture, UploadPart
from services.files.uploads.schemas import FilesAsked, UploadState
from shared.db import delete_rows, execute_core, note_rows
from shared.db import file as file_table
from shared.errors import NotFound
from shared.files.uploads import FileRead
from shared.unit_of_work import UnitOfWork

UPLOADS: sa.Table = FileUpload.__table__  # type: ignore[attr-defined]
MAX_CANDIDATES = 200


async def get_own_upload(work: UnitOfWork, upload_id: UUID) -> FileUpload:
    """One of the caller's uploads; NotFound for another's."""
    found = await find_own_upload(work, upload_id)
    if found is None:
        raise NotFound("没有这个上传, 请重新创建", "No such upload")
    return found


async def find_own_upload(work: UnitOfWork, upload_id: UUID) -> FileUpload | None:
    """One of the caller's uploads."""
    query = select(FileUpload).where(FileUpload.id == upload_id, FileUpload.account == work.actor.id)
    return (await work.session.exec(query)).first()


async def sum_account(work: UnitOfWork, account: str, since: datetime) -> tuple[int, int]:
    """(uploads under way, bytes announced since a time) of an account; refused and given up ones do not count."""
    open_now = sa.case((col(FileUpload.state) == UploadState.OPEN, 1), else_=0)
    query: sa.Select[Any] = sa.select(
        sa.func.coalesce(sa.func.sum(open_now), 0).label("open_uploads"),
        sa.func.coalesce(sa.func.sum(col(FileUpload.length)), 0).label("announced"),
    ).where(
        col(FileUpload.account) == account,
        col(FileUpload.created_at) > since,
        col(FileUpload.state).in_((UploadState.OPEN, UploadState.FINISHED)),
    )
    row = (await execute_core(work.session, query)).mappings().one()
    return int(row["open_uploads"]), int(row["announced"])


async def sum_region(work: UnitOfWork, region: str) -> int:
    """Bytes of all files of a region and below, each content once."""
    contents = (
        sa.select(file_table.c.sha256, file_table.c.size)
        .where(work.within_region(file_table.c.region, region))
        .distinct()
        .subquery()
    )
    query = sa.select(sa.func.coalesce(sa.func.sum(contents.c.size), 0))
    return int((await execute_core(work.session, query)).scalar_one())


async def list_parts(work: UnitOfWork, upload_id: UUID) -> list[UploadPart]:
    """The parts in their order."""
    query = select(UploadPart).where(UploadPart.upload_id == upload_id).order_by(col(UploadPart.start))
    return list(await work.session.exec(query))


async def advance(work: UnitOfWork, upload: FileUpload, parts: Sequence[UploadPart]) -> bool:
    """Add parts at the upload's end; False when others added some or it is no longer open."""
    statement = (
        update(FileUpload)
        .where(
            col(FileUpload.id) == upload.id,
            col(FileUpload.received) == upload.received,
            col(FileUpload.state) == UploadState.OPEN,
        )
        .values(received=upload.received + sum(part.size for part in parts))
    )
    if (await execute_core(work.session, statement)).rowcount != 1:
        return False
    work.session.add_all(parts)
    return True


async def set_state(
    work: UnitOfWork, upload_id: UUID, state: UploadState, problem: dict[str, Any] | None = None
) -> None:
    """Give an open upload its last state."""
    statement = (
        update(FileUpload)
        .where(col(FileUpload.id) == upload_id, col(FileUpload.state) == UploadState.OPEN)
        .values(state=state, problem=problem or {})
    )
    await execute_core(work.session, statement)


async def delete_parts(work: UnitOfWork, upload_id: UUID) -> None:
    """Forget the parts of an upload."""
    await execute_core(work.session, delete(UploadPart).where(col(UploadPart.upload_id) == upload_id))


async def delete_upload(work: UnitOfWork, upload: FileUpload) -> None:
    """Forget one of the caller's uploads, so that its id can be used again."""
    await work.session.delete(upload)
    await work.session.flush()


async def insert_file(work: UnitOfWork, values: dict[str, Any]) -> None:
    """Insert a finished file."""
    await execute_core(work.session, file_table.insert().values(**values))
    note_rows(work.session, file_table, [values])


async def system_find_file(work: UnitOfWork, file_id: UUID) -> FileRead | None:
    """A finished file, for whoever uploaded it."""
    query = sa.select(file_table).where(file_table.c.id == file_id)
    row = (await execute_core(work.session, query)).first()
    return None if row is None else FileRead.model_validate(row)


async def system_list_files(work: UnitOfWork, asked: FilesAsked, account: str) -> list[FileRead]:
    """Those of the files that an account uploaded, that the asking service lets them read, or that nothing there holds yet."""
    column = file_table.c
    inside = sa.or_(*(column.region.between(low, high) for low, high in asked.areas), sa.false())
    usable = sa.or_(
        column.uploaded_by == account,
        column.id.in_(asked.readable),
        sa.and_(inside, column.id.not_in(asked.held)),
    )
    rows = await execute_core(work.session, sa.select(file_table).where(column.id.in_(asked.ids), usable))
    return [FileRead.model_validate(row) for row in rows]


async def system_list_similar(work: UnitOfWork, bits: int) -> list[Picture]:
    """Pictures that share a quarter of their hash with this one, the newest first."""
    same = [getattr(Picture, name) == value for name, value in split_hash(bits).items()]
    query = (
        select(Picture).where(sa.or_(*same)).order_by(col(Picture.uploaded_at).desc()).limit(MAX_CANDIDATES)
    )
    return list(await work.session.exec(query))


async def system_list_past(work: UnitOfWork, at: datetime, limit: int) -> list[FileUpload]:
    """Open uploads whose time is over."""
    query = (
        select(FileUpload)
        .where(col(FileUpload.state) == UploadState.OPEN, FileUpload.expires_at <= at)
        .limit(limit)
    )
    return list(await work.session.exec(query))


async def system_delete_old(work: UnitOfWork, before: datetime) -> None:
    """Forget uploads that ended without a file before a time."""
    ended = (UploadState.REFUSED, UploadState.ENDED, UploadState.EXPIRED)
    await execute_core(
        work.session,
        delete(FileUpload).where(col(FileUpload.state).in_(ended), col(FileUpload.expires_at) < before),
    )


async def system_erase_files(work: UnitOfWork, file_ids: Sequence[UUID]) -> list[str]:
    """Delete files with their uploads and hashes of pictures; the digests of the contents that no other file has."""
    columns = file_table.c
    found = (
        await execute_core(
            work.session, sa.select(columns.id, columns.sha256).where(columns.id.in_(file_ids))
        )
    ).all()
    ids, digests = [row.id for row in found], {row.sha256 for row in found}
    await execute_core(work.session, delete(UploadPart).where(col(UploadPart.upload_id).in_(ids)))
    await execute_core(work.session, delete(Picture).where(col(Picture.file_id).in_(ids)))
    await delete_rows(work.session, UPLOADS, UPLOADS.c.id.in_(ids))
    await delete_rows(work.session, file_table, columns.id.in_(ids))
    needed = await execute_core(work.session, sa.select(columns.sha256).where(columns.sha256.in_(digests)))
    return sorted(digests - set(needed.scalars()))
