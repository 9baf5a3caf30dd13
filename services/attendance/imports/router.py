"""`/attendance/imports` and `/attendance/external-accounts`."""

from fastapi import APIRouter

from services.attendance import repository as records
from services.attendance.fields import RegionQuery, within_a_year
from services.attendance.imports import client, repository, service
from services.attendance.imports.kinds import Channel
from services.attendance.imports.models import External, ImportRun
from services.attendance.imports.schemas import (
    ExternalCreate,
    ExternalRead,
    ImportFile,
    ImportPull,
    RunRead,
)
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

LARGEST = 8 * 1024 * 1024
"""Body limit in bytes of a file of records."""
router = APIRouter(prefix="/attendance", tags=["考勤导入"], route_class=Route)


@router.post(
    "/imports",
    status_code=201,
    response_model=RunRead,
    **allows(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid), body=LARGEST),
)
async def import_file(work: Writing, body: ImportFile) -> ImportRun:
    """导入文件: 钉钉或企业微信接口答复中的记录; 重复导入不重复记录."""
    await service.allowed(work, body.region)
    return await service.take_in(work, body.channel, body.region, body.records)


@router.post(
    "/imports/pull",
    status_code=201,
    response_model=RunRead,
    **allows(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid)),
)
async def import_from(work: Writing, body: ImportPull) -> ImportRun:
    """经接口导入: 按对方的人数、天数、页数限制分次取回."""
    within_a_year(body.first, body.last, "/last")
    async with work.context.database.read() as session:
        reading = work.context.work(session, work.actor)
        await service.allowed(reading, body.region)
        users = await repository.externals(reading, body.channel, body.region)
    # The network is done with before the first statement of this transaction.
    found = await client.pull(work.context.wire, body, users, work.today)
    return await service.take_in(work, body.channel, body.region, found, strict=False)


@router.get("/imports", response_model=Page[RunRead], **allows(May.PRESENCE_READ))
async def list_imports(
    work: Reading, asked: Paging, region: RegionQuery = "", channel: Channel | None = None
) -> Page[ImportRun]:
    """导入记录."""
    return await records.listed(
        work,
        asked,
        ImportRun,
        order="-created_at",
        region=region,
        equal={"channel": channel},
    )


@router.post(
    "/external-accounts",
    status_code=201,
    response_model=ExternalRead,
    **allows(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid)),
)
async def match_account(work: Writing, body: ExternalCreate) -> External:
    """登记外部账号对应; 此前未对应的记录随即转为打卡."""
    return await service.match(work, body)


@router.get("/external-accounts", response_model=Page[ExternalRead], **allows(May.PRESENCE_IMPORT))
async def list_accounts(
    work: Reading, asked: Paging, region: RegionQuery = "", channel: Channel | None = None
) -> Page[External]:
    """外部账号对应列表."""
    return await records.listed(
        work,
        asked,
        External,
        order="-created_at",
        region=region,
        equal={"channel": channel},
        may=May.PRESENCE_IMPORT,
    )
