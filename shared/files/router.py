"""`/{service}/files`: routes that upload and read photos and documents.

The body is the file itself (no multipart), so a phone need not hold it in memory twice. The database row is inserted
after the whole stream has been stored.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import StreamingResponse

from shared.auth import May
from shared.china import OptionalRegionCode
from shared.errors import Conflict, Invalid, NotFound, RateLimited
from shared.files import uploads
from shared.files.uploads import FileRead
from shared.http import CurrentActor, ReadWork, Route, content_disposition, get_service_context, requires

MAX_FILE_BYTES = 50 * 1024 * 1024


def file_router(service: str) -> APIRouter:
    """Router with the file routes of one service."""
    router = APIRouter(prefix=f"/{service}/files", tags=["文件"], route_class=Route)

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
            name=name, media_type=content_type.split(";")[0].strip(), region=target_region, id=id
        )
        return await uploads.store_upload(
            get_service_context(request), actor, upload, request.stream(), MAX_FILE_BYTES
        )

    @router.get("/{file_id}", response_model=FileRead, **requires(May.FILE_READ, refuses=(NotFound,)))
    async def read_file(work: ReadWork, file_id: Annotated[UUID, Path()]) -> Any:  # noqa: ANN401
        return await uploads.get_file(work, file_id)

    @router.get(
        "/{file_id}/content",
        response_class=StreamingResponse,
        response_model=None,
        **requires(May.FILE_READ, refuses=(NotFound,)),
    )
    async def read_file_content(work: ReadWork, file_id: UUID) -> StreamingResponse:
        file = await uploads.get_file(work, file_id)
        headers = {
            "Content-Length": str(file.size),
            **content_disposition(file.name),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        stream = work.context.storage.stream(file.sha256)
        return StreamingResponse(stream, media_type=file.media_type, headers=headers)

    return router
