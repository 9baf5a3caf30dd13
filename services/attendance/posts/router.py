"""Routes `/attendance/posts`, `/attendance/assignments` and `/attendance/devices`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.posts import repository, service
from services.attendance.posts.lifecycle import DEVICE, DeviceAction, DeviceState
from services.attendance.posts.models import Assignment, Device, Post
from services.attendance.posts.schemas import (
    AssignmentCreate,
    AssignmentEnd,
    AssignmentRead,
    DeviceRead,
    FenceHere,
    FenceImport,
    PostChange,
    PostCreate,
    PostRead,
)
from shared.auth import May
from shared.china import OptionalRegionCode
from shared.errors import (
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    VersionRequired,
)
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, TransitionRequest, moves
from shared.records import Act, RecordKind, turn

MAX_FENCE_BYTES = 2 * 1024 * 1024
"""Body limit in bytes where polygons come in."""
router = APIRouter(prefix="/attendance", tags=["驻村点"], route_class=Route)
_FENCE_ROUTE = requires(
    May.POST_MANAGE,
    refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired),
    body=MAX_FENCE_BYTES,
)


@router.post(
    "/posts",
    status_code=201,
    response_model=PostRead,
    **requires(May.POST_MANAGE, refuses=(NotFound, Conflict, Invalid), body=MAX_FENCE_BYTES),
)
async def add_post(work: WriteWork, body: PostCreate) -> Any:  # noqa: ANN401 - shaped by response_model
    """设驻村点."""
    return await service.create_post(work, body)


@router.get("/posts", response_model=Page[PostRead], **requires(May.PRESENCE_READ))
async def list_posts(
    work: ReadWork,
    page_params: Pagination,
    region: OptionalRegionCode = "",
    q: Annotated[str, Query(max_length=50)] = "",
) -> PageAnswer:
    """驻村点列表."""
    return await repository.list_posts(work, page_params, region=region, q=q)


@router.get("/posts/{post_id}", response_model=PostRead, **requires(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_post(work: ReadWork, post_id: UUID) -> Any:  # noqa: ANN401 - shaped by response_model
    """驻村点."""
    return await repository.get_post(work, post_id)


@router.patch(
    "/posts/{post_id}",
    response_model=PostRead,
    **requires(
        May.POST_MANAGE,
        refuses=(NotFound, Invalid, PreconditionFailed, VersionRequired),
        body=MAX_FENCE_BYTES,
    ),
)
async def change_post(work: WriteWork, post_id: UUID, body: PostChange, match: IfMatch) -> Any:  # noqa: ANN401
    """修改驻村点."""
    return await service.update_post(work, post_id, body, match)


@router.post("/posts/{post_id}/fence-here", response_model=PostRead, **_FENCE_ROUTE)
async def fence_here(work: WriteWork, post_id: UUID, body: FenceHere, match: IfMatch) -> Any:  # noqa: ANN401
    """以我现在的位置加设圆形围栏."""
    return await service.add_circle_fence(work, post_id, body, match)


@router.post("/posts/{post_id}/fence-import", response_model=PostRead, **_FENCE_ROUTE)
async def fence_import(work: WriteWork, post_id: UUID, body: FenceImport, match: IfMatch) -> Any:  # noqa: ANN401
    """导入 GeoJSON 围栏, 代替原有围栏."""
    return await service.import_fences(work, post_id, body, match)


@router.post(
    "/posts/{post_id}/assignments",
    status_code=201,
    response_model=AssignmentRead,
    **requires(May.POST_MANAGE, refuses=(NotFound, Conflict, Invalid)),
)
async def station(work: WriteWork, post_id: UUID, body: AssignmentCreate) -> Any:  # noqa: ANN401
    """派驻."""
    return await service.create_assignment(work, post_id, body)


@router.get("/assignments", response_model=Page[AssignmentRead], **requires(May.PRESENCE_READ))
async def list_assignments(
    work: ReadWork,
    page_params: Pagination,
    post_id: UUID | None = None,
    person: Annotated[str, Query(max_length=64)] = "",
) -> PageAnswer:
    """派驻名单."""
    return await repository.list_assignments(work, page_params, post_id=post_id, person=person)


@router.post(
    "/assignments/{assignment_id}/end",
    response_model=AssignmentRead,
    **requires(May.POST_MANAGE, refuses=(NotFound, Invalid, PreconditionFailed)),
)
async def end_assignment(work: WriteWork, assignment_id: UUID, body: AssignmentEnd, match: IfMatch) -> Any:  # noqa: ANN401 - shaped by response_model
    """结束派驻."""
    return await service.end_assignment(work, assignment_id, body, match)


devices_router = APIRouter(prefix="/attendance/devices", tags=["常用手机"], route_class=Route)


@devices_router.get("", response_model=Page[DeviceRead], **requires(May.PRESENCE_READ))
async def list_devices(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: DeviceState | None = None,
) -> PageAnswer:
    """常用手机列表."""
    equal = {"person": person, "state": state}
    return await records.list_records(
        work, page_params, Device, order="-created_at", region=region, equal=equal, read=DeviceRead
    )


@devices_router.post(
    "/{device_id}/{action}",
    response_model=DeviceRead | TransitionPreview,
    **moves(DEVICE),
)
async def act_on_device(
    work: WriteWork,
    device_id: UUID,
    action: DeviceAction,
    body: TransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> Device | TransitionPreview:
    """办理常用手机: 批准, 不批准, 解绑."""
    return await service.transition_device(work, device_id, action, body, match=match, dry_run=dry_run)


POST_KIND = RecordKind(
    name="post",
    label="驻村点",
    path="/attendance/posts",
    model=Post,
    read=PostRead,
    may=May.PRESENCE_READ,
    title="name",
    columns=("name", "kind", "region", "address", "closed_on"),
    filters=("region", "q"),
    search=("name", "address"),
    topics=("post.changed",),
    acts=(Act("就地设围栏", "/attendance/posts/{id}/fence-here"),),
    visible=repository.is_visible_post,
    phone=True,
)
ASSIGNMENT_KIND = RecordKind(
    name="assignment",
    label="派驻",
    path="/attendance/assignments",
    model=Assignment,
    read=AssignmentRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "region", "starts_on", "ends_on"),
    create="/attendance/posts/{post_id}/assignments",
    filters=("post_id", "person"),
    search=("person_name",),
    parents={"post_id": "post"},
    topics=("assignment.changed",),
    acts=(Act("结束派驻", "/attendance/assignments/{id}/end"),),
    phone=True,
)
DEVICE_KIND = RecordKind(
    name="device",
    label="常用手机",
    path="/attendance/devices",
    model=Device,
    read=DeviceRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person",
    columns=("person", "device", "region", "state", "created_at"),
    filters=("region", "person", "state"),
    lifecycle=DEVICE,
    topics=("device.moved",),
    turns=(turn(DeviceState.PENDING, DeviceAction.APPROVE, "待批准的常用手机"),),
)
