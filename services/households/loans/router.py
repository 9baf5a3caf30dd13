"""Routes `/households/loans`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.households.clues.schemas import ReadingRequest
from services.households.loans import repository, service
from services.households.loans.lifecycle import LOAN, LoanAction, LoanState
from services.households.loans.models import SmallLoan
from services.households.loans.schemas import (
    LoanChange,
    LoanCreate,
    LoanDetail,
    LoanRead,
    LoanTransitionRequest,
    PersonRead,
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
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, never_stored, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, RecordKind, Shortcut

router = APIRouter(prefix="/households/loans", tags=["小额信贷"], route_class=Route)


@router.post(
    "", status_code=201, response_model=LoanRead, **requires(May.HELP_ENTER, refuses=(Conflict, Invalid))
)
async def add_loan(work: WriteWork, body: LoanCreate) -> SmallLoan:
    """登记小额信贷."""
    return await service.create_loan(work, body)


@router.get("", response_model=Page[LoanRead], **requires(May.HOUSEHOLD_READ))
async def list_loans(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    state: LoanState | None = None,
    bank: Annotated[str | None, Query(max_length=100)] = None,
    overdue: Annotated[bool, Query(description="只看逾期未还的")] = False,
) -> Page[SmallLoan]:
    """小额信贷台账, 新登记的在前; 帮扶干部在监测户页面看所帮扶户的贷款."""
    filters = {"state": state, "bank": bank}
    return await repository.list_loans(work, params, region, filters, overdue=overdue)


@router.get("/{loan_id}", response_model=LoanDetail, **requires(May.HOUSEHOLD_READ, refuses=(NotFound,)))
async def read_loan(work: ReadWork, loan_id: UUID) -> LoanDetail:
    """小额信贷和可办事项."""
    return await service.get_loan_detail(work, await repository.get_loan(work, loan_id))


@router.patch(
    "/{loan_id}",
    response_model=LoanRead,
    **requires(May.HELP_ENTER, refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired)),
)
async def change_loan(work: WriteWork, loan_id: UUID, body: LoanChange, match: IfMatch) -> SmallLoan:
    """登记还款和贴息."""
    return await service.update_loan(work, loan_id, body, match)


@router.post(
    "/{loan_id}/readings",
    response_model=PersonRead,
    **never_stored(requires(May.HOUSEHOLD_OPEN, refuses=(NotFound, Forbidden))),
)
async def open_loan(work: WriteWork, loan_id: UUID, body: ReadingRequest) -> PersonRead:
    """查阅借款人; 查阅行为会被记录."""
    return await service.open_loan(work, loan_id, body.purpose)


@router.post(
    "/{loan_id}/{action}",
    response_model=LoanDetail | TransitionPreview,
    **moves(LOAN),
)
async def act_on_loan(
    work: WriteWork,
    loan_id: UUID,
    action: LoanAction,
    body: LoanTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> LoanDetail | TransitionPreview:
    """办理小额信贷."""
    return await service.transition_loan(work, loan_id, action, body, match=match, dry_run=dry_run)


LOAN_KIND = RecordKind(
    name="small_loan",
    label="小额信贷",
    path="/households/loans",
    model=SmallLoan,
    read=LoanRead,
    may=May.HOUSEHOLD_READ,
    title="name_masked",
    columns=("name_masked", "region", "bank", "principal", "balance", "due_on", "state"),
    filters=("region", "state", "bank", "overdue"),
    lifecycle=LOAN,
    due="due_on",
    topics=("small_loan.moved", "small_loan.changed"),
    shortcuts=(Shortcut(May.HELP_ENTER, "登记小额信贷", "/households/loans"),),
    acts=(Act("查阅借款人", "/households/loans/{id}/readings"),),
)
