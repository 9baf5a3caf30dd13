"""Screening over HTTP."""

from fastapi import APIRouter

from services.projects.screening import service
from services.projects.screening.schemas import ScreeningAnswer, ScreeningSubject
from shared.http import Reading, Route, allows
from shared.permissions import May

LONG_TEXT = 256 * 1024
router = APIRouter(prefix="/projects/screenings", tags=["项目筛查"], route_class=Route)


@router.post("", response_model=ScreeningAnswer, **allows(May.SCREENING_TRY, body=LONG_TEXT))
async def try_screening(work: Reading, body: ScreeningSubject) -> ScreeningAnswer:
    """试筛: judges a text against the negative list (and readiness, when given); stores nothing."""
    return ScreeningAnswer.of(await service.screen(work, body))
