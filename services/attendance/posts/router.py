"""`/attendance/posts` and `/attendance/assignments`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance.posts import repository, service
from services.attendance.posts.schemas import (
    AssignmentCreate,
    AssignmentEnd,
    AssignmentRead,
    FenceHere,
    FenceImport,
    PostChange,
    PostCreate,
    PostRead,
)
from shared.errors import Conflict, Invalid, NotFound, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

FENCES = 2 * 1024 * 1024
"""Body limit in bytes where polygons come in."""
router = APIRouter(prefix="/attendance", tags=["驻村点"], route_class=Route)
_FENCES = allows(May.POST_MANAGE, refuses=(NotFound, Conflict, Invalid, Stale, VersionRequired), body=FENCES)


@router.post(
    "/posts",
    status_code=201,
    response_model=PostRead,
    **allows(May.POST_MANAGE, refuses=(NotFound, Conflict, Invalid), body=FENCES),
)
async def add_post(work: Writing, body: PostCreate) -> Any:  # noqa: ANN401 - shaped by response_model
    """设驻村点."""
    return await service.add_post(work, body)


@router.get("/posts", response_model=Page[PostRead], **allows(May.PRESENCE_READ))
async def list_posts(
    work: Reading,
    asked: Paging,
    region: Annotated[str, Query(pattern="^([0-9]{12})?$")] = "",
    q: Annotated[str, Query(max_length=50)] = "",
) -> Any:  # noqa: ANN401 - shaped by response_model
    """驻村点列表."""
    return await repository.search(work, asked, region=region, q=q)


@router.get("/posts/{post_id}", response_model=PostRead, **allows(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_post(work: Reading, post_id: UUID) -> Any:  # noqa: ANN401 - shaped by response_model
    """驻村点."""
    return await repository.get(work, post_id)


@router.patch(
    "/posts/{post_id}",
    response_model=PostRead,
    **allows(May.POST_MANAGE, refuses=(NotFound, Invalid, Stale, VersionRequired), body=FENCES),
)
async def change_post(work: Writing, post_id: UUID, body: PostChange, match: IfMatch) -> Any:  # noqa: ANN401
    """修改驻村点."""
    return await service.change_post(work, post_id, body, match)


@router.post("/posts/{post_id}/fence-here", response_model=PostRead, **_FENCES)
async def fence_here(work: Writing, post_id: UUID, body: FenceHere, match: IfMatch) -> Any:  # noqa: ANN401
    """以我现在的位置加设圆形围栏."""
    return await service.fence_here(work, post_id, body, match)


@router.post("/posts/{post_id}/fence-import", response_model=PostRead, **_FENCES)
async def fence_import(work: Writing, post_id: UUID, body: FenceImport, match: IfMatch) -> Any:  # noqa: ANN401
    """导入 GeoJSON 围栏, 代替原有围栏."""
    return await service.fence_import(work, post_id, body, match)


@router.post(
    "/posts/{post_id}/assignments",
    status_code=201,
    response_model=AssignmentRead,
    **allows(May.POST_MANAGE, refuses=(NotFound, Conflict, Invalid)),
)
async def station(work: Writing, post_id: UUID, body: AssignmentCreate) -> Any:  # noqa: ANN401
    """派驻."""
    return await service.station(work, post_id, body)


@router.get("/assignments", response_model=Page[AssignmentRead], **allows(May.PRESENCE_READ))
async def list_assignments(
    work: Reading,
    asked: Paging,
    post_id: UUID | None = None,
    person: Annotated[str, Query(max_length=64)] = "",
) -> Any:  # noqa: ANN401 - shaped by response_model
    """派驻名单."""
    return await repository.assignments(work, asked, post_id=post_id, person=person)


@router.post(
    "/assignments/{assignment_id}/end",
    response_model=AssignmentRead,
    **allows(May.POST_MANAGE, refuses=(NotFound, Invalid, Stale)),
)
async def end_assignment(work: Writing, assignment_id: UUID, body: AssignmentEnd, match: IfMatch) -> Any:  # noqa: ANN401 - shaped by response_model
    """结束派驻."""
    return await service.end(work, assignment_id, body, match)
