"""`/{service}/files`: routes that upload and read photos and documents; `/files` those of services/files itself.

The body is the file itself, so a phone need not hold it in memory twice; a form (multipart/form-data) with one file is
taken too, for components that send nothing else. The database row is inserted after the whole stream has been stored.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import UploadFile

from shared.auth import May
from shared.china import OptionalRegionCode
from shared.errors import Conflict, Invalid, NotFound, RangeNotSatisfiable, RateLimited, invalid_field
from shared.files import uploads
from shared.files.pictures import COPY_MEDIA_TYPE, DECODED_TYPES, CopySize, build_copy, copy_path
from shared.files.uploads import FileRead
from shared.http import CurrentActor, ReadWork, Route, content_disposition, get_service_context, requires
from shared.unit_of_work import ServiceContext

MAX_FILE_BYTES = 50 * 1024 * 1024
FORM_MEDIA_TYPE, FORM_CHUNK_BYTES, MAX_FORM_FIELDS = "multipart/form-data", 64 * 1024, 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
FileSize = Annotated[
    Literal["original", "small", "large"],
    Query(description="原件, 或照片的显示副本(正向、无拍摄信息的 WebP): small 长边 320 点, large 1600 点"),
]


def file_router(service: str) -> APIRouter:
    """Router with the file routes of one service."""
    own = service == uploads.OWNER
    router = APIRouter(prefix="/files" if own else f"/{service}/files", tags=["文件"], route_class=Route)

    @router.post(
        "",
        status_code=201,
        response_model=FileRead,
        **requires(May.FILE_UPLOAD, refuses=(NotFound, Invalid, Conflict, RateLimited), body=MAX_FILE_BYTES),
    )
    async def upload_file(
        request: Request,
        actor: CurrentActor,
        name: Annotated[str, Query(min_length=1, max_length=255, description="文件名")],
        region: Annotated[OptionalRegionCode, Query(description="空为本人辖区")] = "",
        id: Annotated[UUID | None, Query(description="UUIDv7 made by the phone")] = None,  # noqa: A002
        content_type: Annotated[str, Header(max_length=100)] = "application/octet-stream",
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        target_region = region or next((grant.region for grant in actor.grants), "")
        actor.require(May.FILE_UPLOAD, target_region)
        upload = uploads.Upload(
            name=name, media_type=_read_media_type(content_type), region=target_region, id=id
        )
        context = get_service_context(request)
        if upload.media_type != FORM_MEDIA_TYPE:
            return await uploads.store_upload(context, actor, upload, request.stream(), MAX_FILE_BYTES)
        async with request.form(max_files=1, max_fields=MAX_FORM_FIELDS) as form:
            file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
            if file is None:
                raise invalid_field("no_file", "表单里没有文件", "", "The form has no file")
            upload = replace(upload, media_type=_read_media_type(file.content_type or ""))
            return await uploads.store_upload(context, actor, upload, _iterate_file(file), MAX_FILE_BYTES)

    @router.get("/{file_id}", response_model=FileRead, **requires(May.FILE_READ, refuses=(NotFound,)))
    async def read_file(work: ReadWork, file_id: Annotated[UUID, Path()]) -> Any:  # noqa: ANN401
        return await uploads.get_file(work, file_id)

    content_options: dict[str, Any] = {
        "response_class": StreamingResponse,
        "response_model": None,
        **requires(May.FILE_READ, refuses=(NotFound, RangeNotSatisfiable)),
    }

    @router.head("/{file_id}/content", include_in_schema=False, **content_options)
    @router.get("/{file_id}/content", **content_options)
    async def read_file_content(
        request: Request,
        work: ReadWork,
        file_id: UUID,
        size: FileSize = "original",
        range: Annotated[str, Header(max_length=100, description="一段字节, 如 bytes=0-1023")] = "",  # noqa: A002
    ) -> Response:
        file = await uploads.get_file(work, file_id)
        if size != "original":
            copy = await _get_copy(work.context, file, size)
            return _answer(request, file, _ByteRange(0, len(copy)), _stream_once(copy), COPY_MEDIA_TYPE)
        part = _ByteRange.parse(range, file.size)
        stream = work.context.storage.stream(
            file.sha256, start=part.start, end=part.end if part.is_part else None
        )
        return _answer(request, file, part, stream, file.media_type)

    return router


def _read_media_type(header: str) -> str:
    return header.split(";", maxsplit=1)[0].strip().lower()


async def _iterate_file(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(FORM_CHUNK_BYTES):
        yield chunk


class _ByteRange:
    """Bytes from `start` to before `end` of `size`; several ranges, or what is no range, are the whole (RFC 9110, 14.2)."""

    def __init__(self, start: int, size: int, end: int | None = None) -> None:
        self.start, self.size, self.end = start, size, size if end is None else end
        self.is_part = end is not None

    @classmethod
    def parse(cls, header: str, size: int) -> "_ByteRange":
        """RangeNotSatisfiable when the file has none of the bytes."""
        found = _RANGE.fullmatch(header.strip())
        if found is None or found[0] == "bytes=-":
            return cls(0, size)
        first, last = found.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        if start >= size or end <= start:
            raise RangeNotSatisfiable(
                f"文件只有 {size} 字节",
                f"The file has {size} bytes",
                headers={"Content-Range": f"bytes */{size}"},
            )
        return cls(start, size, end)


def _answer(
    request: Request, file: FileRead, part: _ByteRange, stream: AsyncIterator[bytes], media_type: str
) -> Response:
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(part.end - part.start),
        **content_disposition(file.name),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    if part.is_part:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{part.size}"
    status = 206 if part.is_part else 200
    if request.method == "HEAD":
        return Response(status_code=status, media_type=media_type, headers=headers)
    return StreamingResponse(stream, status, media_type=media_type, headers=headers)


async def _stream_once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _get_copy(context: ServiceContext, file: FileRead, size: CopySize) -> bytes:
    """The display copy of a picture, made when it is first asked for; NotFound for what has none."""
    if file.media_type not in DECODED_TYPES:
        raise NotFound("这种文件没有显示副本, 请读取原件", "Only JPEG, PNG and WebP have display copies")
    path = copy_path(file.sha256, size)
    kept = await context.storage.find_object(path)
    if kept is not None:
        return kept
    content = b"".join([chunk async for chunk in context.storage.stream(file.sha256)])
    async with uploads.get_check_places(context):
        made = await asyncio.to_thread(build_copy, content, size)
    if made is None:
        raise NotFound("这张照片没有显示副本, 请读取原件", "This picture has no display copy")
    await context.storage.put_object(path, made)
    return made
