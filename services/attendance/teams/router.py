"""`/attendance/teams`, `/attendance/members`, `/attendance/units`."""

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
from shared.errors import Conflict, Invalid, NotFound, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance", tags=["工作队"], route_class=Route)
_ADDS = allows(May.TEAM_MANAGE, refuses=(NotFound, Conflict, Invalid))
_MOVES = allows(May.TEAM_MANAGE, refuses=(NotFound, Conflict, Invalid, Stale))


@router.post("/units", status_code=201, response_model=UnitRead, **_ADDS)
async def add_unit(work: Writing, body: UnitCreate) -> Unit:
    """登记帮扶单位."""
    return await service.add_unit(work, body)


@router.get("/units", response_model=Page[UnitRead], **allows(May.PRESENCE_READ))
async def list_units(work: Reading, asked: Paging, region: RegionQuery = "") -> Page[Unit]:
    """帮扶单位列表."""
    return await repository.units(work, asked, region)


@router.post("/teams", status_code=201, response_model=TeamRead, **_ADDS)
async def add_team(work: Writing, body: TeamCreate) -> Team:
    """组建工作队."""
    return await service.add_team(work, body)


@router.get("/teams", response_model=Page[TeamRead], **allows(May.PRESENCE_READ))
async def list_teams(
    work: Reading, asked: Paging, region: RegionQuery = "", unit_id: UUID | None = None
) -> Page[Team]:
    """工作队列表; a cadre sees the team they belong to."""
    return await repository.teams(work, asked, region, unit_id)


@router.get("/teams/{team_id}", response_model=TeamDetail, **allows(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_team(work: Reading, team_id: UUID) -> TeamDetail:
    """工作队, 在队与历任人员, 不符合选派要求的情况."""
    return await service.detail(work, team_id)


@router.patch(
    "/teams/{team_id}",
    response_model=TeamRead,
    **allows(May.TEAM_MANAGE, refuses=(NotFound, Invalid, Stale, VersionRequired)),
)
async def change_team(work: Writing, team_id: UUID, body: TeamChange, match: IfMatch) -> Team:
    """修改工作队."""
    return await service.change_team(work, team_id, body, match)


@router.post("/teams/{team_id}/members", status_code=201, response_model=MemberRead, **_ADDS)
async def join_team(work: Writing, team_id: UUID, body: MemberCreate) -> Member:
    """队员入队."""
    return await service.join(work, team_id, body)


@router.get("/members", response_model=Page[MemberRead], **allows(May.PRESENCE_READ))
async def list_members(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    team_id: Annotated[UUID | None, Query(description="工作队")] = None,
) -> Page[Member]:
    """任期列表: who served where, and when."""
    equal = {"person": person, "team_id": team_id}
    return await records.listed(work, asked, Member, order="-starts_on", region=region, equal=equal)


@router.post("/members/{member_id}/end", response_model=MemberRead, **_MOVES)
async def end_membership(work: Writing, member_id: UUID, body: MemberEnd, match: IfMatch) -> Member:
    """队员离队."""
    return await service.leave(work, member_id, body, match)


@router.post("/members/{member_id}/hand-over", status_code=201, response_model=MemberRead, **_MOVES)
async def hand_over(work: Writing, member_id: UUID, body: HandOver, match: IfMatch) -> Member:
    """轮换: 另一人接任职务与驻村点, 历史保留."""
    return await service.hand_over(work, member_id, body, match)
