"""Routes `/households/clues`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from services.households.clues import repository, service
from services.households.clues.lifecycle import CLUE, ClueAction, ClueState
from services.households.clues.models import Clue
from services.households.clues.schemas import (
    ClueAssign,
    ClueCreate,
    ClueDetail,
    ClueFile,
    ClueRead,
    ClueSource,
    ClueTransitionRequest,
    ReadingRequest,
    ReportReceipt,
    SelfReport,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    RateLimited,
    VersionRequired,
)
from shared.http import (
    IfMatch,
    Page,
    Pagination,
    PublicReadWork,
    PublicWriteWork,
    ReadWork,
    Route,
    WriteWork,
    allows_anonymous,
    never_stored,
    requires,
)
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, RecordKind, Shortcut, turn

router = APIRouter(prefix="/households/clues", tags=["监测线索"], route_class=Route)
ReceiptNumber = Annotated[str, Path(min_length=12, max_length=20, description="回执编号")]


@router.post(
    "/self-reports",
    status_code=201,
    response_model=ReportReceipt,
    **allows_anonymous(refuses=(Conflict, Invalid, RateLimited)),
)
async def report(work: PublicWriteWork, body: SelfReport) -> ReportReceipt:
    """农户自主申报, 不必登录; 回执编号用来查询进展."""
    return service.build_receipt(await service.create_self_report(work, body))


@router.get("/self-reports/{number}", response_model=ReportReceipt, **allows_anonymous(refuses=(NotFound,)))
async def read_report(work: PublicReadWork, number: ReceiptNumber) -> ReportReceipt:
    """凭回执编号查询申报办到哪一步."""
    return await service.get_receipt(work, number)


@router.post(
    "",
    status_code=201,
    response_model=ClueRead,
    **requires(May.CLUE_ENTER, refuses=(Conflict, Invalid, NotFound)),
)
async def add_clue(work: WriteWork, body: ClueCreate) -> Clue:
    """登记走访、部门、信访线索."""
    return await service.create_clue(work, body)


@router.get("", response_model=Page[ClueRead], **requires(May.HOUSEHOLD_READ))
async def list_clues(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    state: ClueState | None = None,
    source: ClueSource | None = None,
) -> Page[Clue]:
    """线索, 新登记的在前; 帮扶干部只看指定给自己的."""
    return await repository.list_clues(work, params, region, state, source)


@router.get("/{clue_id}", response_model=ClueDetail, **requires(May.HOUSEHOLD_READ, refuses=(NotFound,)))
async def read_clue(work: ReadWork, clue_id: UUID) -> ClueDetail:
    """线索和可办事项."""
    return service.get_clue_detail(work, await repository.get_clue(work, clue_id))


@router.post(
    "/{clue_id}/readings",
    response_model=ClueFile,
    **never_stored(requires(May.HOUSEHOLD_OPEN, refuses=(NotFound, Forbidden))),
)
async def open_clue(work: WriteWork, clue_id: UUID, body: ReadingRequest) -> ClueFile:
    """查阅线索全文; 查阅行为会被记录."""
    return await service.open_clue(work, clue_id, body.purpose)


@router.post(
    "/{clue_id}/assignee",
    response_model=ClueRead,
    **requires(May.HOUSEHOLD_INVESTIGATE, refuses=(NotFound, Conflict, PreconditionFailed, VersionRequired)),
)
async def assign_clue(work: WriteWork, clue_id: UUID, body: ClueAssign, match: IfMatch) -> Clue:
    """指定入户核查人."""
    return await service.assign_clue(work, clue_id, body, match)


@router.post(
    "/{clue_id}/{action}",
    response_model=ClueDetail | TransitionPreview,
    **moves(CLUE),
)
async def act_on_clue(
    work: WriteWork,
    clue_id: UUID,
    action: ClueAction,
    body: ClueTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> ClueDetail | TransitionPreview:
    """办理线索."""
    clue = await repository.get_clue(work, clue_id, lock=True)
    return await service.transition_clue(work, clue, action, body, match=match, dry_run=dry_run)


CLUE_KIND = RecordKind(
    name="clue",
    label="监测线索",
    path="/households/clues",
    model=Clue,
    read=ClueRead,
    may=May.HOUSEHOLD_READ,
    title="name_masked",
    columns=("name_masked", "region", "source", "received_on", "due_on", "state"),
    filters=("region", "state", "source"),
    owner="assignee",
    lifecycle=CLUE,
    due="due_on",
    topics=("clue.moved", "clue.assigned"),
    shortcuts=(Shortcut(May.CLUE_ENTER, "登记监测线索", "/households/clues"),),
    turns=(turn(ClueState.OPEN, (ClueAction.RECORD, ClueAction.DISMISS), "待入户核查的线索"),),
    acts=(
        Act("查阅全文", "/households/clues/{id}/readings"),
        Act("指定核查人", "/households/clues/{id}/assignee"),
    ),
    phone=True,
)
