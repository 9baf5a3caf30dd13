"""`/internal/field-days`: what services/sync asks for the bootstrap, in the caller's own name."""

from fastapi import APIRouter

from services.attendance.field_days import service
from services.attendance.field_days.schemas import FieldDaysRead
from shared.http import ReadWork, Route, requires_sign_in

router = APIRouter(prefix="/internal/field-days", tags=["同步"], route_class=Route)


@router.get("", response_model=FieldDaysRead, **requires_sign_in())
async def read_field_days(work: ReadWork) -> FieldDaysRead:
    """本人今天和以后七天的派驻点、开关、界限, 全年的节假日."""
    return await service.describe_field_days(work)
