"""Routes `/households` and `/households/summary`."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.households.clues.schemas import ReadingRequest
from services.households.households import calculation, repository, service
from services.households.households.exporter import build_ledger_workbook
from services.households.households.lifecycle import HOUSEHOLD, HouseholdAction, HouseholdState
from services.households.households.models import Household
from services.households.households.schemas import (
    CadreAssign,
    HouseholdChange,
    HouseholdCreate,
    HouseholdDetail,
    HouseholdFile,
    HouseholdRead,
    HouseholdSummary,
    HouseholdTransitionRequest,
    HouseholdType,
    MonitorClass,
    PersonsAsked,
    PersonsKnown,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    VersionRequired,
)
from shared.http import (
    IfMatch,
    Page,
    Pagination,
    ReadWork,
    Route,
    WriteWork,
    content_disposition,
    never_stored,
    requires,
)
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.notices.router import record_notice_router
from shared.notices.service import NoticeSubject
from shared.records import Act, Part, RecordKind, Shortcut, keep_page, turn
from shared.records.region_names import find_place_names
from shared.spreadsheets import XLSX_MEDIA_TYPE
from shared.unit_of_work import UnitOfWork

summary_router = APIRouter(prefix="/households", tags=["监测合计"], route_class=Route)
internal_router = APIRouter(prefix="/internal/household-persons", tags=["监测户"], route_class=Route)
router = APIRouter(prefix="/households", tags=["监测户"], route_class=Route)
YearQuery = Annotated[int | None, Query(ge=2012, le=2100, description="识别年度, 空为全部")]
Flag = Annotated[bool, Query(description="只看这样的户")]


@summary_router.get("/summary", response_model=HouseholdSummary, **requires(May.HOUSEHOLD_SUMMARY_READ))
async def read_summary(work: ReadWork, region: RegionCode, year: YearQuery = None) -> Response:
    """防返贫监测合计."""

    async def make() -> HouseholdSummary:
        return calculation.build_summary(region, year, await repository.sum_households(work, region, year))

    return await keep_page(work, "summary", (region, year), make)


@summary_router.get(
    "/export",
    response_class=Response,
    response_model=None,
    **requires(May.HOUSEHOLD_READ, refuses=(Invalid,)),
)
async def export_households(work: ReadWork, region: RegionCode) -> Response:
    """监测户台账 (XLSX): 户主姓名隐去, 没有证件号、收入和原因."""
    names = await find_place_names(work, region)
    households = await service.list_ledger(work, region)
    content = await asyncio.to_thread(build_ledger_workbook, households, names, work.today)
    place = names.names.get(region, region)
    headers = content_disposition(f"防返贫监测台账-{place}-{work.today}.xlsx")
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=headers)


@internal_router.post("", response_model=PersonsKnown, **requires(May.HOUSEHOLD_ASK, refuses=(Conflict,)))
async def ask_persons(work: ReadWork, body: PersonsAsked) -> PersonsKnown:
    """这些人中谁在监测户, 不说明原因; 供筛查支付和项目."""
    return PersonsKnown(marks=await repository.system_list_helped_marks(work, body.marks))


@router.post(
    "",
    status_code=201,
    response_model=HouseholdRead,
    **requires(May.HOUSEHOLD_INVESTIGATE, refuses=(Conflict, Invalid, NotFound)),
)
async def add_household(work: WriteWork, body: HouseholdCreate) -> Household:
    """登记入户核查的监测户."""
    return await service.create_household(work, body)


@router.get("", response_model=Page[HouseholdRead], **requires(May.HOUSEHOLD_READ))
async def list_households(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    state: HouseholdState | None = None,
    monitor_class: MonitorClass | None = None,
    household_type: HouseholdType | None = None,
    late: Flag = False,
    faulty: Flag = False,
    without_measure: Flag = False,
) -> Page[Household]:
    """监测户, 新登记的在前; 帮扶干部只看自己帮扶的."""
    filters = {"state": state, "monitor_class": monitor_class, "household_type": household_type}
    flags = {"late": late, "faulty": faulty, "without_measure": without_measure}
    conditions = repository.build_conditions(work, region, filters, flags)
    return await repository.list_households(work, params, conditions)


@router.get(
    "/{household_id}", response_model=HouseholdDetail, **requires(May.HOUSEHOLD_READ, refuses=(NotFound,))
)
async def read_household(work: ReadWork, household_id: UUID) -> HouseholdDetail:
    """监测户和可办事项; 成员、收入、风险在档案里."""
    return await service.get_household_detail(work, await repository.get_household(work, household_id))


@router.post(
    "/{household_id}/readings",
    response_model=HouseholdFile,
    **never_stored(requires(May.HOUSEHOLD_OPEN, refuses=(NotFound, Forbidden))),
)
async def open_household(work: WriteWork, household_id: UUID, body: ReadingRequest) -> HouseholdFile:
    """查阅监测户档案; 查阅行为会被记录."""
    return await service.open_household(work, household_id, body.purpose)


@router.patch(
    "/{household_id}",
    response_model=HouseholdDetail,
    **requires(
        May.HOUSEHOLD_INVESTIGATE,
        refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired),
    ),
)
async def change_household(
    work: WriteWork, household_id: UUID, body: HouseholdChange, match: IfMatch
) -> HouseholdDetail:
    """修改核查信息."""
    household = await service.update_household(work, household_id, body, match)
    return await service.get_household_detail(work, household)


@router.post(
    "/{household_id}/cadre",
    response_model=HouseholdRead,
    **requires(May.HOUSEHOLD_REVIEW, refuses=(NotFound, Conflict, PreconditionFailed, VersionRequired)),
)
async def assign_cadre(work: WriteWork, household_id: UUID, body: CadreAssign, match: IfMatch) -> Household:
    """指定帮扶责任人."""
    return await service.assign_cadre(work, household_id, body, match)


async def _load_notice_subject(work: UnitOfWork, record_id: UUID, /, *, lock: bool) -> NoticeSubject:
    return await service.get_notice_subject(work, record_id, lock=lock)


notice_router = record_notice_router(
    "/households", load=_load_notice_subject, read=May.HOUSEHOLD_READ, post=May.HOUSEHOLD_NOTICE
)
transition_router = APIRouter(prefix="/households", tags=["监测户"], route_class=Route)


@transition_router.post(
    "/{household_id}/{action}",
    response_model=HouseholdDetail | TransitionPreview,
    **moves(HOUSEHOLD),
)
async def act_on_household(
    work: WriteWork,
    household_id: UUID,
    action: HouseholdAction,
    body: HouseholdTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> HouseholdDetail | TransitionPreview:
    """办理监测户."""
    return await service.transition_household(work, household_id, action, body, match=match, dry_run=dry_run)


S, A = HouseholdState, HouseholdAction
HOUSEHOLD_KIND = RecordKind(
    name="household",
    label="监测户",
    path="/households",
    model=Household,
    read=HouseholdRead,
    may=May.HOUSEHOLD_READ,
    title="head_masked",
    columns=("head_masked", "region", "size", "monitor_class", "cadre_name", "due_on", "state"),
    filters=("region", "state", "monitor_class", "household_type", "late", "faulty", "without_measure"),
    parents={"clue_id": "clue"},
    owner="cadre",
    lifecycle=HOUSEHOLD,
    due="due_on",
    topics=("household.moved", "household.changed"),
    shortcuts=(Shortcut(May.HOUSEHOLD_INVESTIGATE, "登记入户核查", "/households"),),
    turns=(
        turn(S.VERIFIED, A.COMPARE, "待信息比对的户"),
        turn(S.COMPARED, A.APPRAISE, "待村评议的户"),
        turn(S.APPRAISED, A.REVIEW, "待镇审核的户"),
        turn(S.REVIEWED, A.APPROVE, "待县审定的户"),
        turn(S.PROPOSED, A.APPRAISE_REMOVAL, "待评议消除的户"),
        turn(S.REMOVAL_APPRAISED, A.REVIEW_REMOVAL, "待镇审核消除的户"),
        turn(S.REMOVAL_REVIEWED, A.REMOVE, "待审定消除的户"),
    ),
    acts=(
        Act("查阅档案", "/households/{id}/readings"),
        Act("发布公示", "/households/{id}/notices", states=(S.APPRAISED, S.REMOVAL_APPRAISED)),
        Act("指定帮扶责任人", "/households/{id}/cadre"),
    ),
    parts=(
        Part("notices", "公示", "/households/{id}/notices"),
        Part("measures", "帮扶措施", "/households/{id}/help", "measures"),
        Part("loans", "小额信贷", "/households/{id}/help", "loans"),
        Part("jobs", "帮扶岗位", "/households/{id}/help", "jobs"),
        Part("visits", "走访", "/households/{id}/help", "visits"),
        Part("assets", "到户资产", "/households/{id}/help", "assets"),
    ),
    phone=True,
)
