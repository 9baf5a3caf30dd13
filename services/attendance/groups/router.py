"""Routes `/attendance/groups` and `/attendance/group-members`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance import repository as records
from services.attendance.fields import Day, PersonQuery, RegionQuery
from services.attendance.groups import service
from services.attendance.groups.models import AttendanceGroup, GroupMember
from services.attendance.groups.schemas import (
    GroupChange,
    GroupCreate,
    GroupMemberCreate,
    GroupMemberEnd,
    GroupMemberRead,
    GroupRead,
)
from services.attendance.sql_conditions import overlaps_days
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed, VersionRequired
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, RecordKind

router = APIRouter(prefix="/attendance", tags=["考勤组"], route_class=Route)


@router.post(
    "/groups",
    status_code=201,
    response_model=GroupRead,
    **requires(May.POST_MANAGE, refuses=(NotFound, Conflict, Invalid)),
)
async def add_group(work: WriteWork, body: GroupCreate) -> Any:  # noqa: ANN401 - shaped by response_model
    """建立考勤组: 成员可打卡的驻村点, 和从某天起的考勤办法."""
    return await service.create_group(work, body)


@router.get("/groups", response_model=Page[GroupRead], **requires(May.PRESENCE_READ))
async def list_groups(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    name: Annotated[str, Query(max_length=100)] = "",
) -> PageAnswer:
    """考勤组列表."""
    return await records.list_records(
        work, page_params, AttendanceGroup, order="name", region=region, equal={"name": name}, read=GroupRead
    )


@router.get(
    "/groups/{group_id}", response_model=GroupRead, **requires(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_group(work: ReadWork, group_id: UUID) -> Any:  # noqa: ANN401 - shaped by response_model
    """考勤组."""
    return await records.get_record(work, AttendanceGroup, group_id, "这个考勤组")


@router.patch(
    "/groups/{group_id}",
    response_model=GroupRead,
    **requires(May.POST_MANAGE, refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired)),
)
async def change_group(work: WriteWork, group_id: UUID, body: GroupChange, match: IfMatch) -> Any:  # noqa: ANN401 - shaped by response_model
    """修改考勤组: 驻村点从今天起换, 考勤办法从写明的那天起, 其后未签字的各天重新认定."""
    return await service.update_group(work, group_id, body, match)


@router.post(
    "/groups/{group_id}/members",
    status_code=201,
    response_model=GroupMemberRead,
    **requires(May.POST_MANAGE, refuses=(NotFound, Conflict, Invalid)),
)
async def add_group_member(work: WriteWork, group_id: UUID, body: GroupMemberCreate) -> Any:  # noqa: ANN401 - shaped by response_model
    """加入考勤组: 同时派驻到考勤组的各驻村点."""
    return await service.create_member(work, group_id, body)


@router.get("/group-members", response_model=Page[GroupMemberRead], **requires(May.PRESENCE_READ))
async def list_group_members(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    group_id: UUID | None = None,
    person: PersonQuery = "",
    on: Annotated[Day | None, Query(description="这一天在组的")] = None,
) -> PageAnswer:
    """考勤组成员."""
    return await records.list_records(
        work,
        page_params,
        GroupMember,
        order="-starts_on",
        region=region,
        equal={"group_id": group_id, "person": person},
        where=[] if on is None else [overlaps_days(GroupMember, on, on)],
        read=GroupMemberRead,
    )


@router.post(
    "/group-members/{member_id}/end",
    response_model=GroupMemberRead,
    **requires(May.POST_MANAGE, refuses=(NotFound, Invalid, PreconditionFailed, VersionRequired)),
)
async def end_group_member(work: WriteWork, member_id: UUID, body: GroupMemberEnd, match: IfMatch) -> Any:  # noqa: ANN401 - shaped by response_model
    """退出考勤组."""
    return await service.end_member(work, member_id, body, match)


GROUP_KIND = RecordKind(
    name="attendance_group",
    label="考勤组",
    path="/attendance/groups",
    model=AttendanceGroup,
    read=GroupRead,
    may=May.PRESENCE_READ,
    title="name",
    columns=("name", "region", "closed_on"),
    filters=("region", "name"),
    search=("name",),
    topics=("attendance_group.changed",),
    phone=True,
)
GROUP_MEMBER_KIND = RecordKind(
    name="attendance_group_member",
    label="考勤组成员",
    path="/attendance/group-members",
    model=GroupMember,
    read=GroupMemberRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "region", "starts_on", "ends_on"),
    create="/attendance/groups/{group_id}/members",
    filters=("region", "group_id", "person", "on"),
    search=("person_name",),
    parents={"group_id": "attendance_group"},
    topics=("attendance_group_member.changed",),
    acts=(Act("退出考勤组", "/attendance/group-members/{id}/end"),),
    phone=True,
)
