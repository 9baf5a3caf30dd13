"""Routes `/attendance/check-ins`: submit one or a batch, list, read one."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from services.attendance.check_ins import group_commit, repository, service
from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import (
    MAX_BATCH_BYTES,
    CheckInAnswer,
    CheckInBatch,
    CheckInBody,
    CheckInDetail,
    CheckInRead,
    Result,
)
from shared.auth import May
from shared.china import OptionalRegionCode
from shared.errors import Forbidden, NotFound
from shared.http import (
    CurrentActor,
    KeyedWriteWork,
    Page,
    PageAnswer,
    Pagination,
    ReadWork,
    Route,
    get_service_context,
    requires,
)
from shared.records import RecordKind, Shortcut

router = APIRouter(prefix="/attendance/check-ins", tags=["打卡"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=CheckInAnswer,
    **requires(May.CHECK_IN, refuses=(Forbidden,), body=MAX_BATCH_BYTES),
)
async def check_in(
    request: Request, actor: CurrentActor, keyed: KeyedWriteWork, body: CheckInBody
) -> CheckInAnswer:
    """打卡: 单条或一批(最多 500 条), 逐条给出结果."""
    # The ordinary way of check_ins/express.py.
    items = body.items if isinstance(body, CheckInBatch) else [body]
    if keyed is not None:
        return CheckInAnswer(items=await group_commit.ingest_in_transaction(keyed, items))
    return CheckInAnswer(
        items=await group_commit.ingest_check_ins(get_service_context(request), actor, items)
    )


@router.get("", response_model=Page[CheckInRead], **requires(May.PRESENCE_READ))
async def list_check_ins(
    work: ReadWork,
    page_params: Pagination,
    region: OptionalRegionCode = "",
    person: Annotated[str, Query(max_length=64)] = "",
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
    result: Result | None = None,
) -> PageAnswer:
    """打卡记录."""
    return await repository.list_check_ins(
        work, page_params, region=region, person=person, since=since, until=until, result=result
    )


@router.get(
    "/{check_in_id}", response_model=CheckInDetail, **requires(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_check_in(work: ReadWork, check_in_id: UUID) -> CheckInDetail:
    """一条打卡记录; 本人看得到自己的位置."""
    return service.build_detail(work, await repository.get_check_in(work, check_in_id))


CHECK_IN_KIND = RecordKind(
    name="check_in",
    label="打卡记录",
    path="/attendance/check-ins",
    model=CheckIn,
    photo="photo",
    read=CheckInRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person",
    columns=("person", "taken_at", "kind", "region", "verdict", "result", "flags"),
    filters=("region", "person", "from", "to", "result"),
    parents={"post_id": "post"},
    topics=("check_in.recorded", "check_in.corrected"),
    phone=True,
    shortcuts=(Shortcut(May.CHECK_IN, "打卡", "/attendance/check-ins"),),
)
