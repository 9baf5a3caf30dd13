"""The chain and the summary over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.funds.chain import service
from services.funds.chain.schemas import Summary, Thread
from shared.errors import BadRequest, NotFound
from shared.http import Reading, Route, allows
from shared.permissions import May

router = APIRouter(prefix="/funds", tags=["资金全链条"], route_class=Route)


@router.get("/thread", response_model=Thread, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_thread(
    work: Reading,
    project_id: UUID | None = None,
    source_id: UUID | None = None,
    plan_id: UUID | None = None,
    payment_id: UUID | None = None,
    document_no: Annotated[str | None, Query(min_length=2, max_length=100, description="指标文号")] = None,
) -> Thread:
    """资金全链条中资金这一段: exactly one of the five says where to start."""
    starts = [
        (service.of_project, project_id),
        (service.of_source, source_id),
        (service.of_plan, plan_id),
        (service.of_payment, payment_id),
    ]
    given = [(find, record) for find, record in starts if record is not None]
    if len(given) + (document_no is not None) != 1:
        raise BadRequest(
            "请给出 project_id、source_id、plan_id、payment_id、document_no 中的一个",
            "Give exactly one record to start from",
        )
    if document_no is not None:
        return await service.of_document(work, document_no)
    ((find, record),) = given
    return await find(work, record)


@router.get("/summary", response_model=Summary, **allows(May.FUND_READ))
async def read_summary(
    work: Reading,
    region: Annotated[str, Query(pattern=r"^[0-9]{12}$")],
    year: Annotated[int, Query(ge=2000, le=2100)],
) -> Summary:
    """一个地区一年的资金."""
    return await service.summary(work, region, year)
