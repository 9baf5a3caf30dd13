"""Half-done commitments over HTTP: look at them, settle them now."""

from fastapi import APIRouter

from services.funds.commitments import repository, service
from services.funds.commitments.models import Commitment
from services.funds.commitments.schemas import CommitmentRead, Reconciled
from shared.http import Reading, Route, Writing, allows
from shared.permissions import May

router = APIRouter(prefix="/funds/reconciliations", tags=["对账"], route_class=Route)


@router.get("/commitments", response_model=list[CommitmentRead], **allows(May.RECONCILE))
async def list_half_done(work: Reading) -> list[Commitment]:
    """未了结的项目登记."""
    return await repository.unsettled(work)


@router.post("", response_model=Reconciled, **allows(May.RECONCILE))
async def reconcile_now(work: Writing) -> Reconciled:
    """与项目库核对: finishes or undoes what a broken approval left."""
    settled, still = await service.reconcile(work.context)
    return Reconciled.model_construct(settled=settled, open=still)
