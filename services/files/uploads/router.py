"""`/uploads`: files in pieces by tus 1.0 (https://tus.io/protocols/resumable-upload); `/internal/files` for the services."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from services.files.uploads import repository, service
from services.files.uploads.calculation import (
    DIGESTS,
    EXTENSIONS_OF_TUS,
    MAX_METADATA_LENGTH,
    OFFSET_STREAM,
    TUS_VERSION,
    parse_checksum,
    parse_length,
    parse_metadata,
)
from services.files.uploads.models import FileUpload
from services.files.uploads.schemas import FilesAsked, FilesFound, UploadRead
from shared.auth import May
from shared.errors import (
    ApiError,
    ChecksumMismatch,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    PreconditionFailed,
    UnsupportedMediaType,
)
from shared.files.router import MAX_FILE_BYTES
from shared.http import (
    CurrentActor,
    ReadWork,
    Route,
    WriteWork,
    allows_anonymous,
    get_service_context,
    requires,
    requires_sign_in,
)

_RESUMABLE = {"Tus-Resumable": TUS_VERSION}
_EXPOSED = {
    "Access-Control-Expose-Headers": "Location, Upload-Offset, Upload-Length, Upload-Expires, Tus-Resumable"
}


class TusRoute(Route):
    """A route whose answers, refusals too, say which version of tus they follow."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response = await handler(request)
            except ApiError as error:
                error.headers |= _RESUMABLE
                raise
            response.headers.update(_RESUMABLE)
            return response

        return handle


async def _require_version(tus_resumable: Annotated[str, Header(max_length=20)] = "") -> None:
    """PreconditionFailed unless the client speaks this version."""
    if tus_resumable != TUS_VERSION:
        raise PreconditionFailed(
            f"请求头 Tus-Resumable 应为 {TUS_VERSION}",
            f"Send Tus-Resumable: {TUS_VERSION}",
            headers={"Tus-Version": TUS_VERSION},
        )


def _require_offset_stream(content_type: str) -> None:
    if content_type.split(";", maxsplit=1)[0].strip().lower() != OFFSET_STREAM:
        raise UnsupportedMediaType(f"Content-Type 应为 {OFFSET_STREAM}", f"Send {OFFSET_STREAM}")


router = APIRouter(prefix="/uploads", tags=["上传"], route_class=TusRoute)
internal_router = APIRouter(prefix="/internal/files", tags=["上传"], route_class=Route)
_TUS = Depends(_require_version, scope="function")
_BYTES = {OFFSET_STREAM: {"schema": {"type": "string", "format": "binary"}}}
_REFUSES = (NotFound, Gone, Conflict, PreconditionFailed)
ContentType = Annotated[str, Header(max_length=100)]
ChecksumHeader = Annotated[str, Header(max_length=200, description="sha256 或 sha1, 空格, base64 摘要")]


def _takes_bytes(*mays: May) -> dict[str, Any]:
    """Keyword arguments of a route whose body is a piece of a file: a new one of who may, the next one of who began it."""
    refuses = (*_REFUSES, ChecksumMismatch, UnsupportedMediaType)
    options = (
        requires(*mays, refuses=refuses, body=MAX_FILE_BYTES)
        if mays
        else requires_sign_in(refuses=refuses, body=MAX_FILE_BYTES)
    )
    options["openapi_extra"]["requestBody"] = {"required": not mays, "content": _BYTES}
    return options


def _describe(upload: FileUpload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.received),
        "Upload-Length": str(upload.length),
        "Upload-Expires": upload.expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "Cache-Control": "no-store",
    }


@router.options("", status_code=204, include_in_schema=False, **allows_anonymous(counted=False))
async def describe_protocol() -> Response:
    """上传协议: tus 1.0 的版本、扩展、校验算法."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": TUS_VERSION,
            "Tus-Extension": EXTENSIONS_OF_TUS,
            "Tus-Checksum-Algorithm": ",".join(DIGESTS),
            "Tus-Max-Size": str(MAX_FILE_BYTES),
        },
    )


@router.post(
    "",
    status_code=201,
    response_class=Response,
    response_model=None,
    **_takes_bytes(May.FILE_UPLOAD),
)
async def create_upload(
    request: Request,
    actor: CurrentActor,
    _version: Annotated[None, _TUS],
    upload_length: Annotated[str, Header(max_length=20, description="文件的字节数")] = "",
    upload_metadata: Annotated[
        str,
        Header(
            max_length=MAX_METADATA_LENGTH,
            description="filename, filetype; 可有 region, sha256 (十六进制), id (UUID), 值均为 base64",
        ),
    ] = "",
    upload_checksum: ChecksumHeader = "",
    content_type: ContentType = "",
) -> Response:
    """新建上传; 可以同时带上开头的内容 (creation-with-upload). 同一 id 再次新建, 得到同一个上传."""
    announced, length = parse_metadata(upload_metadata), parse_length(upload_length, "Upload-Length")
    checksum = parse_checksum(upload_checksum)
    body = int(request.headers.get("content-length") or 0) > 0 or "transfer-encoding" in request.headers
    if body:
        _require_offset_stream(content_type)
    context = get_service_context(request)
    async with context.database.write() as session:
        upload = await service.create_upload(context.unit_of_work(session, actor), announced, length)
    if body and upload.received == 0:
        upload = await service.receive_bytes(
            context, actor, upload.id, 0, request.stream(), announced=None, checksum=checksum
        )
    headers = {"Location": f"/api/v1/uploads/{upload.id}", **_EXPOSED, **_describe(upload)}
    return Response(status_code=201, headers=headers)


@router.head(
    "/{upload_id}",
    response_class=Response,
    response_model=None,
    include_in_schema=False,
    **requires_sign_in(refuses=_REFUSES),
)
async def find_offset(work: ReadWork, upload_id: UUID, _version: Annotated[None, _TUS]) -> Response:
    """已收到多少字节: 从 Upload-Offset 处续传."""
    upload = await repository.get_own_upload(work, upload_id)
    service.require_open(upload, work)
    return Response(headers={**_describe(upload), **_EXPOSED})


@router.get("/{upload_id}", response_model=UploadRead, **requires_sign_in(refuses=(NotFound,)))
async def read_upload(work: ReadWork, upload_id: UUID) -> UploadRead:
    """一个上传: 状态, 传完后的文件, 不被接受的原因."""
    return await service.read_upload(work, upload_id)


@router.patch(
    "/{upload_id}",
    status_code=204,
    **_takes_bytes(),
)
async def append_bytes(
    request: Request,
    actor: CurrentActor,
    upload_id: UUID,
    _version: Annotated[None, _TUS],
    upload_offset: Annotated[str, Header(max_length=20, description="这一段从哪个字节开始")] = "",
    upload_checksum: ChecksumHeader = "",
    content_type: ContentType = "",
) -> Response:
    """续传一段. 中断时已收到的部分保留; 带校验值的一段要么整段收下, 要么不收."""
    _require_offset_stream(content_type)
    length = request.headers.get("content-length")
    upload = await service.receive_bytes(
        get_service_context(request),
        actor,
        upload_id,
        parse_length(upload_offset, "Upload-Offset"),
        request.stream(),
        announced=None if length is None else parse_length(length, "Content-Length"),
        checksum=parse_checksum(upload_checksum),
    )
    return Response(status_code=204, headers={**_describe(upload), **_EXPOSED})


@router.delete("/{upload_id}", status_code=204, **requires_sign_in(refuses=_REFUSES))
async def end_upload(work: WriteWork, upload_id: UUID, _version: Annotated[None, _TUS]) -> None:
    """放弃上传; 已收到的内容随即删除."""
    await service.end_upload(work, upload_id)


@internal_router.post("", response_model=FilesFound, **requires(May.FILE_READ))
async def find_files(work: ReadWork, body: FilesAsked) -> FilesFound:
    """其他服务核对: 其中哪些文件是调用人上传的, 或经记录可以查看的."""
    if work.actor.kind != "service":
        raise Forbidden("只有系统内的服务可以核对", "Only services ask here")
    return FilesFound(items=await service.find_usable_files(work, body))
