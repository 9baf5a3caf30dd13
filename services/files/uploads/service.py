"""Uploads: create, take bytes at their position, finish, end. What arrived is kept through cuts, restarts and replicas.

Parts lie in the store under their digest; the row moves on by compare-and-set, so that of two senders at the same position
one wins. The last part is kept only together with the finished file, or with its refusal.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from starlette.requests import ClientDisconnect

from services.files.policy import UPLOAD_QUOTA
from services.files.uploads import repository
from services.files.uploads.calculation import (
    DIGESTS,
    SAME_PICTURE_BITS,
    Checksum,
    UploadAnnouncement,
    count_different_bits,
    split_hash,
)
from services.files.uploads.models import FileUpload, Picture, UploadPart
from services.files.uploads.schemas import FilesAsked, UploadRead, UploadState
from shared.auth import Actor, May
from shared.db import new_id
from shared.errors import ChecksumMismatch, Conflict, Gone, Invalid, RateLimited, TooLarge, Unavailable
from shared.files.uploads import GIB, MIB, ContentCheck, FileRead
from shared.unit_of_work import ServiceContext, UnitOfWork

PART_BYTES = 1024 * 1024
"""Bytes of a PATCH that are held in memory before they are stored."""
DAY = timedelta(days=1)
KEPT_AFTER_END = timedelta(days=30)
"""How long an upload that ended without a file answers 410 instead of 404."""
TIDY_BATCH = 200
MAX_SAME_PICTURES = 5
DISTRICT_DIGITS = 6


async def create_upload(work: UnitOfWork, announced: UploadAnnouncement, length: int) -> FileUpload:
    """A new upload; the same id with the same announcement is the first one, or begins again when that one ended.

    TooLarge, RateLimited, Unavailable by the quota; Conflict for another announcement, Invalid for content refused before.
    """
    region = announced.region or next((grant.region for grant in work.actor.grants), "")
    work.actor.require(May.FILE_UPLOAD, region)
    known = None if announced.id is None else await repository.find_own_upload(work, announced.id)
    if known is not None:
        same = (known.length, known.media_type, known.sha256) == (
            length,
            announced.media_type,
            announced.sha256,
        )
        if not same and known.state is not UploadState.REFUSED:
            raise Conflict("这个编号已有另一个上传", "This id is taken by another upload")
        if known.state is UploadState.REFUSED and same:
            raise Invalid(known.problem.get("detail", known.state.label), "This content was refused before")
        if known.state is UploadState.FINISHED or (
            known.state is UploadState.OPEN and known.expires_at > work.at
        ):
            return known
        await _end(work, known, UploadState.EXPIRED)
        await repository.delete_upload(work, known)
    if length == 0:
        raise Invalid("文件是空的", "The file is empty")
    hours = await _require_quota(work, region, length)
    upload = FileUpload(
        id=announced.id or new_id(),
        account=work.actor.id,
        region=region,
        name=announced.name,
        media_type=announced.media_type,
        sha256=announced.sha256,
        length=length,
        received=0,
        state=UploadState.OPEN,
        problem={},
        created_at=work.at,
        expires_at=work.at + timedelta(hours=hours),
    )
    work.session.add(upload)
    await work.session.flush()
    return upload


async def _require_quota(work: UnitOfWork, region: str, length: int) -> int:
    """Hours that an upload of this length may take; TooLarge, RateLimited or Unavailable by the rule of the region."""
    quota = (await work.get_rule(UPLOAD_QUOTA, region=region)).value
    if length > quota.max_file_mib * MIB:
        raise TooLarge(f"文件超过 {quota.max_file_mib} MiB", f"Over {quota.max_file_mib} MiB")
    open_now, of_today = await repository.sum_account(work, work.actor.id, work.at - DAY)
    if open_now >= quota.person_open:
        raise RateLimited(
            f"未传完的文件已有 {open_now} 个, 请先传完或放弃",
            "Too many unfinished uploads",
            headers={"Retry-After": "600"},
        )
    if of_today + length > quota.person_daily_mib * MIB:
        raise RateLimited(
            f"一天之内上传已达 {quota.person_daily_mib} MiB, 请明天再传",
            "The daily upload quota is used up",
            headers={"Retry-After": "3600"},
        )
    district = region[:DISTRICT_DIGITS].ljust(len(region), "0")
    if await repository.sum_region(work, district) + length > quota.district_gib * GIB:
        raise Unavailable(
            "本县区文件存储已达限额, 请联系系统管理员", "The district's quota is used up", retry_after=3600
        )
    return quota.open_hours


def require_open(upload: FileUpload, work: UnitOfWork) -> None:
    """Gone unless the upload still takes bytes, or is finished."""
    if upload.state is UploadState.OPEN and upload.expires_at <= work.at:
        raise Gone("上传已过期, 请重新创建", "The upload has expired", next_step="重新创建上传")
    if upload.state in {UploadState.REFUSED, UploadState.ENDED, UploadState.EXPIRED}:
        raise Gone(
            f"这个上传{upload.state.label}, 请重新创建",
            f"The upload is {upload.state}",
            next_step="重新创建上传",
        )


@dataclass
class _Reception:
    """Bytes of one request on their way into an upload."""

    context: ServiceContext
    actor: Actor
    upload: FileUpload
    checksum: Checksum | None
    parts: list[UploadPart] = field(default_factory=list)
    """Stored, but not yet the upload's."""
    size: int = 0
    held: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        """The position after everything that came."""
        return self.upload.received + self.size

    async def take(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the body. TooLarge beyond the length, ChecksumMismatch; a cut keeps what came unless a digest was to prove it."""
        digest = None if self.checksum is None else DIGESTS[self.checksum.algorithm]()
        try:
            async for chunk in chunks:
                self.size += len(chunk)
                if self.end > self.upload.length:
                    self.size -= len(chunk)
                    raise TooLarge("内容比声明的长度长", "The body is longer than announced")
                if digest is not None:
                    digest.update(chunk)
                self.held += chunk
                if len(self.held) >= PART_BYTES:
                    await self._store_held()
        except (ClientDisconnect, TooLarge):
            if digest is None:
                await self.keep()
            raise
        if self.checksum is not None and digest is not None and digest.digest() != self.checksum.digest:
            raise ChecksumMismatch(
                "这一段的校验值不符, 请重传这一段", "The checksum does not fit these bytes"
            )

    async def _store_held(self) -> None:
        if not self.held:
            return
        content = bytes(self.held)
        stored = sum(part.size for part in self.parts)
        part = UploadPart(
            upload_id=self.upload.id,
            start=self.upload.received + stored,
            size=len(content),
            digest=sha256(content).hexdigest(),
        )
        await self.context.storage.put_object(part.path, content)
        self.parts.append(part)
        self.held.clear()

    async def keep(self) -> int:
        """Add what came to the upload, and finish it when it is whole; the new position. Conflict when others were there."""
        await self._store_held()
        if self.end == self.upload.length:
            await self._finish()
        elif self.parts:
            async with self.context.database.write() as session:
                work = self.context.unit_of_work(session, self.actor)
                if not await repository.advance(work, self.upload, self.parts):
                    raise position_conflict()
        return self.end

    async def _finish(self) -> None:
        upload = self.upload
        async with self.context.database.read() as session:
            stored = await repository.list_parts(self.context.unit_of_work(session, self.actor), upload.id)
        parts = [*stored, *self.parts]
        check = ContentCheck(self.context, upload.name, upload.media_type)
        try:
            await self.context.storage.put(
                self._read(parts),
                limit=upload.length,
                check=lambda chunks, sha: _check(check, upload, chunks, sha),
            )
        except (Invalid, ChecksumMismatch) as error:
            async with self.context.database.write() as session:
                work = self.context.unit_of_work(session, self.actor)
                await repository.set_state(work, upload.id, UploadState.REFUSED, error.to_problem())
                await repository.delete_parts(work, upload.id)
            await self.context.storage.delete_objects(part.path for part in parts)
            raise
        async with self.context.database.write() as session:
            work = self.context.unit_of_work(session, self.actor)
            if not await repository.advance(work, upload, self.parts):
                raise position_conflict()
            await _insert_file(work, upload, check)
        await self.context.storage.delete_objects(part.path for part in parts)

    async def _read(self, parts: Sequence[UploadPart]) -> AsyncIterator[bytes]:
        for part in parts:
            content = await self.context.storage.find_object(part.path)
            if content is None:
                raise Unavailable("已传的内容暂时读不出, 请稍后重试", "A part cannot be read")
            yield content


def position_conflict() -> Conflict:
    """Another request moved the upload on."""
    return Conflict("上传位置已改变, 请用 HEAD 查询后续传", "Ask HEAD for the offset and go on from there")


async def _check(check: ContentCheck, upload: FileUpload, chunks: Any, digest: str) -> None:  # noqa: ANN401 - a stream
    if upload.sha256 and digest != upload.sha256:
        raise ChecksumMismatch("整个文件的摘要不符, 请重新创建后上传", "The file is not the one announced")
    await check.run(chunks, digest)


async def _insert_file(work: UnitOfWork, upload: FileUpload, check: ContentCheck) -> None:
    """Insert the finished file with its evidence, and note the hash of a picture for later ones."""
    evidence = dict(check.evidence)
    if check.picture_hash is not None:
        same = await _list_same_pictures(work, check.picture_hash)
        if same:
            evidence["same_pictures"] = same
        work.session.add(
            Picture(
                file_id=upload.id,
                bits=f"{check.picture_hash:016x}",
                account=upload.account,
                uploaded_at=work.at,
                **split_hash(check.picture_hash),
            )
        )
    values = {
        "id": upload.id,
        "sha256": check.sha256,
        "size": upload.length,
        "media_type": upload.media_type,
        "name": upload.name,
        "region": upload.region,
        "uploaded_by": upload.account,
        "uploaded_at": work.at,
        "evidence": evidence,
    }
    await repository.insert_file(work, values)
    await repository.set_state(work, upload.id, UploadState.FINISHED)
    await repository.delete_parts(work, upload.id)


async def _list_same_pictures(work: UnitOfWork, bits: int) -> list[dict[str, Any]]:
    """Earlier uploads of this picture or a copy of it: file id, time, bits that differ."""
    found = []
    for one in await repository.system_list_similar(work, bits):
        distance = count_different_bits(bits, int(one.bits, 16))
        if distance <= SAME_PICTURE_BITS:
            found.append(
                {
                    "file_id": str(one.file_id),
                    "uploaded_at": one.uploaded_at.isoformat(),
                    "distance": distance,
                }
            )
    return found[:MAX_SAME_PICTURES]


async def receive_bytes(
    context: ServiceContext,
    actor: Actor,
    upload_id: UUID,
    offset: int,
    chunks: AsyncIterator[bytes],
    *,
    announced: int | None,
    checksum: Checksum | None,
) -> FileUpload:
    """Take the bytes of a PATCH at `offset`; the upload as it stands then.

    NotFound for another's upload, Gone after its end, Conflict at another position, TooLarge beyond the announced length,
    ChecksumMismatch for broken bytes (nothing is kept), Invalid when the whole is not what it says.
    """
    async with context.database.read() as session:
        work = context.unit_of_work(session, actor)
        upload = await repository.get_own_upload(work, upload_id)
        require_open(upload, work)
    if offset != upload.received:
        raise position_conflict()
    if announced is not None and offset + announced > upload.length:
        raise TooLarge("内容比声明的长度长", "The body is longer than announced")
    if upload.state is UploadState.OPEN:
        reception = _Reception(context, actor, upload, checksum)
        await reception.take(chunks)
        upload.received = await reception.keep()
    return upload


async def read_upload(work: UnitOfWork, upload_id: UUID) -> UploadRead:
    """One of the caller's uploads, with its file when it is whole; NotFound."""
    upload = await repository.get_own_upload(work, upload_id)
    shown = UploadRead.model_validate(upload)
    if upload.state is UploadState.FINISHED:
        shown.file = await repository.system_find_file(work, upload_id)
    return shown


async def end_upload(work: UnitOfWork, upload_id: UUID) -> None:
    """Give an upload up; its bytes are deleted. Conflict when it is a file already, Gone when it ended."""
    upload = await repository.get_own_upload(work, upload_id)
    require_open(upload, work)
    if upload.state is UploadState.FINISHED:
        raise Conflict("文件已传完, 不能放弃", "The upload is finished")
    await _end(work, upload, UploadState.ENDED)


async def _end(work: UnitOfWork, upload: FileUpload, state: UploadState) -> None:
    parts = await repository.list_parts(work, upload.id)
    await repository.set_state(work, upload.id, state)
    await repository.delete_parts(work, upload.id)
    await work.context.storage.delete_objects(part.path for part in parts)


async def find_usable_files(work: UnitOfWork, asked: FilesAsked) -> list[FileRead]:
    """Those of the files that the person for whom a service asks uploaded, may read with a record of it, or may attach."""
    return await repository.system_list_files(work, asked, work.actor.on_behalf_of)


async def delete_expired_uploads(context: ServiceContext) -> bool:
    """End uploads whose time is over, forget old ends; whether there may be more."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        past = await repository.system_list_past(work, work.at, TIDY_BATCH)
        for upload in past:
            await _end(work, upload, UploadState.EXPIRED)
        await repository.system_delete_old(work, work.at - KEPT_AFTER_END)
    return len(past) == TIDY_BATCH
