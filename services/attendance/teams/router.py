"""Routes `/attendance/teams`, `/attendance/members` and `/attendance/units`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance import repository as records
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.teams import repository, service
from services.attendance.teams.models import Member, Team, Unit
from services.attendance.teams.schemas import (
    HandOver,
    MemberCreate,
    MemberEnd,
    MemberRead,
    TeamChange,
    TeamCreate,
    TeamDetail,
    TeamRead,
    UnitCreate,
    UnitRead,
)
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed, VersionRequired
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, RecordKind

router = APIRouter(prefix="/attendance", tags=["工作队"], route_class=Route)
_CREATE_ROUTE = requires(May.TEAM_MANAGE, refuses=(NotFound, Conflict, Invalid))
_CHANGE_ROUTE = requires(May.TEAM_MANAGE, refuses=(NotFound, Conflict, Invalid, PreconditionFailed))


@router.post("/units", status_code=201, response_model=UnitRead, **_CREATE_ROUTE)
async def add_unit(work: WriteWork, body: UnitCreate) -> Unit:
    """登记帮扶单位."""
    return await service.create_unit(work, body)


@router.get("/units", response_model=Page[UnitRead], **requires(May.PRESENCE_READ))
async def list_units(work: ReadWork, page_params: Pagination, region: RegionQuery = "") -> PageAnswer:
    """帮扶单位列表."""
    return await repository.list_units(work, page_params, region)


@router.post("/teams", status_code=201, response_model=TeamRead, **_CREATE_ROUTE)
async def add_team(work: WriteWork, body: TeamCreate) -> Team:
    """组建工作队."""
    return await service.create_team(work, body)


@router.get("/teams", response_model=Page[TeamRead], **requires(May.PRESENCE_READ))
async def list_teams(
    work: ReadWork, page_params: Pagination, region: RegionQuery = "", unit_id: UUID | None = None
) -> PageAnswer:
    """工作队列表; a cadre sees the team they belong to."""
    return await repository.list_teams(work, page_params, region, unit_id)


@router.get("/teams/{team_id}", response_model=TeamDetail, **requires(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_team(work: ReadWork, team_id: UUID) -> TeamDetail:
    """工作队, 在队与历任人员, 不符合选派要求的情况."""
    return await service.get_team_detail(work, team_id)


@router.patch(
    "/teams/{team_id}",
    response_model=TeamRead,
    **requires(May.TEAM_MANAGE, refuses=(NotFound, Invalid, PreconditionFailed, VersionRequired)),
)
async def change_team(work: WriteWork, team_id: UUID, body: TeamChange, match: IfMatch) -> Team:
    """修改工作队."""
    return await service.update_team(work, team_id, body, match)


@router.post("/teams/{team_id}/members", status_code=201, response_model=MemberRead, **_CREATE_ROUTE)
async def join_team(work: WriteWork, team_id: UUID, body: MemberCreate) -> Member:
    """队员入队."""
    return await service.create_member(work, team_id, body)


@router.get("/members", response_model=Page[MemberRead], **requires(May.PRESENCE_READ))
async def list_members(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    team_id: Annotated[UUID | None, Query(description="工作队")] = None,
) -> PageAnswer:
    """任期列表: who served where, and when."""
    equal = {"person": person, "team_id": team_id}
    return await records.list_records(
        work, page_params, Member, order="-starts_on", region=region, equal=equal, read=MemberRead
    )


@router.post("/members/{member_id}/end", response_model=MemberRead, **_CHANGE_ROUTE)
async def end_membership(work: WriteWork, member_id: UUID, body: MemberEnd, match: IfMatch) -> Member:
    """队员离队."""
    return await service.end_membership(work, member_id, body, match)


@router.post("/members/{member_id}/hand-over", status_code=201, response_model=MemberRead, **_CHANGE_ROUTE)
async def hand_over(work: WriteWork, member_id: UUID, body: HandOver, match: IfMatch) -> Member:
    """轮换: 另一人接任职务与驻村点, 历史保留."""
    return await service.hand_over_membership(work, member_id, body, match)


UNIT_KIND = RecordKind(
    name="helping_unit",
    label="帮扶单位",
    path="/attendance/units",
    model=Unit,
    read=UnitRead,
    may=May.PRESENCE_READ,
    title="name",
    columns=("name", "level", "region", "credit_code"),
    filters=("region",),
    search=("name",),
    visible=repository.visible_units,
)
TEAM_KIND = RecordKind(
    name="team",
    label="驻村工作队",
    path="/attendance/teams",
    model=Team,
    read=TeamRead,
    may=May.PRESENCE_READ,
    title="name",
    columns=("name", "region", "closed_on"),
    filters=("region", "unit_id"),
    search=("name",),
    parents={"unit_id": "helping_unit"},
    topics=("team.changed",),
    visible=repository.visible_teams,
)
MEMBER_KIND = RecordKind(
    name="team_member",
    label="工作队队员",
    path="/attendance/members",
    model=Member,
    read=MemberRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "role", "unit_name", "region", "starts_on", "ends_on", "term_ends_on"),
    create="/attendance/teams/{team_id}/members",
    filters=("region", "person", "team_id"),
    search=("person_name", "unit_name"),
    parents={"team_id": "team", "unit_id": "helping_unit"},
    topics=("member.changed",),
    acts=(
        Act("离队", "/attendance/members/{id}/end"),
        Act("轮换交接", "/attendance/members/{id}/hand-over"),
    ),
    visible=repository.visible_members,
)
