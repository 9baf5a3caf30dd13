"""HTTP routes of unfinished commitments: list, reconcile."""

from fastapi import APIRouter

from services.funds.commitments import repository, service
from services.funds.commitments.models import Commitment
from services.funds.commitments.schemas import CommitmentRead, ReconciliationResult
from shared.auth import May
from shared.http import ReadWork, Route, WriteWork, requires

router = APIRouter(prefix="/funds/reconciliations", tags=["对账"], route_class=Route)


@router.get("/commitments", response_model=list[CommitmentRead], **requires(May.RECONCILE))
async def list_half_done(work: ReadWork) -> list[Commitment]:
    """未了结的项目登记."""
    return await repository.list_unfinished_commitments(work)


@router.post("", response_model=ReconciliationResult, **requires(May.RECONCILE))
async def reconcile_now(work: WriteWork) -> ReconciliationResult:
    """与项目库核对: finishes or undoes what a broken approval left."""
    settled, still = await service.reconcile_commitments(work.context)
    return ReconciliationResult.model_construct(settled=settled, open=still)
