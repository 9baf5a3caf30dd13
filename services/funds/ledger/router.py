"""HTTP routes of the ledger, read only: entries are posted by the services of the other features."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.funds.ledger import service
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.models import LedgerEntry
from services.funds.ledger.repository import LedgerPeriod
from services.funds.ledger.schemas import EntryRead, Positions, TrialBalance
from shared.auth import May
from shared.china import RegionCode
from shared.errors import FieldError, Invalid
from shared.http import Page, Pagination, ReadWork, Route, requires
from shared.records import RecordKind

router = APIRouter(prefix="/funds/ledger", tags=["总账"], route_class=Route)


async def _build_filters(
    region: RegionCode | None = None,
    source_id: UUID | None = None,
    project_id: UUID | None = None,
    allocation_id: UUID | None = None,
    payee: Annotated[str | None, Query(max_length=200)] = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
) -> dict[str, Any]:
    return {
        "region": region,
        "source_id": source_id,
        "project_id": project_id,
        "allocation_id": allocation_id,
        "payee": payee,
        "year": year,
    }


Filters = Annotated[dict[str, Any], Depends(_build_filters)]


async def _build_period(
    since: Annotated[
        date | None, Query(alias="from", description="期间的首日(含); 给出时为这段时间的发生额")
    ] = None,
    as_of: Annotated[date | None, Query(description="截至某日(含); 空为现在")] = None,
) -> LedgerPeriod:
    if since is not None and as_of is not None and as_of < since:
        detail = "期间的止日早于起日"
        raise Invalid(detail, "ends before it begins", errors=[FieldError("period", detail, "", "/as_of")])
    return LedgerPeriod(since, as_of)


Days = Annotated[LedgerPeriod, Depends(_build_period)]


@router.get("", response_model=Positions, **requires(May.FUND_READ, refuses=(Invalid,)))
async def read_positions(
    work: ReadWork,
    filters: Filters,
    period: Days,
    by: Literal["source", "project", "payee", "year"] = "source",
) -> Positions:
    """资金情况: received = available + allocated, allocated = paid + unpaid; 给出 from 时为期间发生额."""
    return await service.get_positions(work, by, filters, period)


@router.get("/entries", response_model=Page[EntryRead], **requires(May.FUND_READ, refuses=(Invalid,)))
async def list_entries(
    work: ReadWork, params: Pagination, filters: Filters, period: Days, kind: AccountKind | None = None
) -> Page[EntryRead]:
    """分录: the rows behind a figure, by the same filters and the figure's account kind."""
    return await service.list_entries(work, params, {**filters, "kind": kind}, period)


@router.get("/trial", response_model=TrialBalance, **requires(May.FUND_READ, refuses=(Invalid,)))
async def read_trial(work: ReadWork, filters: Filters, period: Days) -> TrialBalance:
    """试算平衡表."""
    return await service.get_trial_balance(work, filters, period)


LEDGER_ENTRY_KIND = RecordKind(
    name="ledger_entry",
    label="会计分录",
    path="/funds/ledger/entries",
    model=LedgerEntry,
    read=EntryRead,
    may=May.FUND_READ,
    title="document_no",
    columns=("happened_on", "kind", "document_no", "region", "amount", "reason"),
    filters=("kind", "from", "as_of", "region", "source_id", "project_id", "allocation_id", "payee", "year"),
    search=("document_no",),
    since="recorded_at",
)
