"""Routes `/attendance/reviews` and `/attendance/corrections`."""

from uuid import UUID

from fastapi import APIRouter

from services.attendance import repository as records
from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import CheckInRead
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.reviews import service
from services.attendance.reviews.lifecycle import REVIEW, ReviewAction, ReviewState
from services.attendance.reviews.models import Review
from services.attendance.reviews.schemas import Correction, ReviewDetail, ReviewRead
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, TransitionRequest, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/attendance", tags=["复核"], route_class=Route)


@router.get("/reviews", response_model=Page[ReviewRead], **requires(May.PRESENCE_READ))
async def list_reviews(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    state: ReviewState | None = None,
) -> PageAnswer:
    """复核队列; a cadre sees what is asked about themselves."""
    equal = {"person": person, "state": state}
    return await records.list_records(
        work, page_params, Review, order="-work_date", region=region, equal=equal, read=ReviewRead
    )


@router.get(
    "/reviews/{review_id}", response_model=ReviewDetail, **requires(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_review(work: ReadWork, review_id: UUID) -> ReviewDetail:
    """复核, 证据与可办事项."""
    return await service.get_review_detail(work, review_id)


@router.post(
    "/reviews/{review_id}/{action}",
    response_model=ReviewRead | TransitionPreview,
    **moves(REVIEW),
)
async def act_on_review(
    work: WriteWork,
    review_id: UUID,
    action: ReviewAction,
    body: TransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> Review | TransitionPreview:
    """办理复核: 予以认定, 不予认定, 重新复核."""
    return await service.transition_review(work, review_id, action, body, match=match, dry_run=dry_run)


@router.post(
    "/corrections",
    status_code=201,
    response_model=CheckInRead,
    **requires(May.PRESENCE_REVIEW, refuses=(NotFound, Conflict, Invalid)),
)
async def correct(work: WriteWork, body: Correction) -> CheckIn:
    """管理员更正: 代为补记, 来源标为 BOSS."""
    return await service.create_correction(work, body)


REVIEW_KIND = RecordKind(
    name="review",
    label="在岗复核",
    path="/attendance/reviews",
    model=Review,
    read=ReviewRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "work_date", "region", "state", "decided_by"),
    filters=("region", "person", "state"),
    search=("person_name",),
    lifecycle=REVIEW,
    topics=("review.moved",),
    turns=(turn(ReviewState.OPEN, (ReviewAction.ACCEPT, ReviewAction.REJECT), "待复核的在岗日"),),
)
