"""The ledger over HTTP: read only; entries are made by the business behind them."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.funds.ledger import reports
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.schemas import EntryRead, Positions, Trial
from shared.access import span
from shared.http import Reading, Route, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/funds/ledger", tags=["总账"], route_class=Route)


def _filters(
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    source_id: UUID | None = None,
    project_id: UUID | None = None,
    allocation_id: UUID | None = None,
    payee: Annotated[str | None, Query(max_length=200)] = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
) -> dict[str, Any]:
    return {
        "region": span(region) if region else None,
        "source_id": source_id,
        "project_id": project_id,
        "allocation_id": allocation_id,
        "payee": payee,
        "year": year,
    }


Filters = Annotated[dict[str, Any], Depends(_filters)]
AsOf = Annotated[date | None, Query(description="截至某日(含); 空为现在")]


@router.get("", response_model=Positions, **allows(May.FUND_READ))
async def read_positions(
    work: Reading,
    filters: Filters,
    by: Literal["source", "project", "payee", "year"] = "source",
    as_of: AsOf = None,
) -> Positions:
    """资金情况: received = available + allocated, allocated = paid + unpaid."""
    return await reports.positions(work, by, filters, as_of)


@router.get("/entries", response_model=Page[EntryRead], **allows(May.FUND_READ))
async def list_entries(
    work: Reading, asked: Paging, filters: Filters, kind: AccountKind | None = None, as_of: AsOf = None
) -> Page[EntryRead]:
    """分录: the rows behind a figure, by the same filters and the figure's account kind."""
    return await reports.journal(work, asked, {**filters, "kind": kind}, as_of)


@router.get("/trial", response_model=Trial, **allows(May.FUND_READ))
async def read_trial(work: Reading, filters: Filters, as_of: AsOf = None) -> Trial:
    """试算平衡表."""
    return await reports.trial(work, filters, as_of)
