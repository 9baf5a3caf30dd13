"""Assets over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.assets.register import acting, repository, service
from services.assets.register.kinds import AssetClass, OwnerKind
from services.assets.register.lifecycle import ASSET, USE, AssetAction, AssetState, UseAction, UseState
from services.assets.register.models import Asset
from services.assets.register.repository import Filter
from services.assets.register.schemas import (
    REGION,
    AssetAct,
    AssetChange,
    AssetCreate,
    AssetDetail,
    AssetRead,
    Codes,
)
from shared.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound, NotReady, Stale, VersionRequired
from shared.events import Envelope
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.log import history
from shared.moves import Preview
from shared.notices.router import of_record
from shared.notices.service import Subject
from shared.pages import Page, Paging
from shared.permissions import May
from shared.work import Work

router = APIRouter(prefix="/assets", tags=["资产登记"], route_class=Route)


def _wanted(
    region: Annotated[str | None, Query(pattern=REGION)] = None,
    asset_class: AssetClass | None = None,
    subclass: Annotated[str | None, Query(max_length=40)] = None,
    owner_kind: OwnerKind | None = None,
    state: AssetState | None = None,
    use: UseState | None = None,
    year: Annotated[int | None, Query(ge=0, le=2100, description="形成年度")] = None,
    project_id: UUID | None = None,
    code: Annotated[str | None, Query(max_length=40, description="资产编号")] = None,
    counted: Annotated[bool, Query(description="只看在册的: 已登记、已确权、移交中、已移交")] = False,
    q: Annotated[str, Query(max_length=100, description="名称、编号、所有权人、项目、坐落; 拼音亦可")] = "",
) -> Filter:
    return Filter(region, asset_class, subclass, owner_kind, state, use, year, project_id, code, counted, q)


@router.get("", response_model=Page[AssetRead], **allows(May.ASSET_READ))
async def list_assets(
    work: Reading, asked: Paging, wanted: Annotated[Filter, Depends(_wanted, scope="function")]
) -> Page[Asset]:
    """资产列表."""
    return await repository.listed(work, asked, wanted)


@router.post(
    "",
    status_code=201,
    response_model=AssetRead,
    **allows(May.ASSET_REGISTER, refuses=(Invalid, Conflict, NotFound)),
)
async def enter_asset(work: Writing, body: AssetCreate) -> Asset:
    """补登资产草稿."""
    return await service.enter(work, body)


@router.get("/codes", response_model=Codes, **allows(May.ASSET_READ))
async def read_codes(work: Reading) -> Codes:
    """代码表."""
    return await service.codes(work)


@router.get("/{asset_id}", response_model=AssetDetail, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_asset(work: Reading, asset_id: UUID) -> AssetDetail:
    """资产, 使用状态的变更和可办事项."""
    return await service.detail(work, await repository.get(work, asset_id))


@router.patch(
    "/{asset_id}",
    response_model=AssetRead,
    **allows(May.ASSET_REGISTER, refuses=(NotFound, Conflict, Invalid, Stale, VersionRequired)),
)
async def change_asset(work: Writing, asset_id: UUID, body: AssetChange, match: IfMatch) -> Asset:
    """修改资产信息."""
    return await service.change(work, await repository.get(work, asset_id, lock=True), body, match)


@router.get(
    "/{asset_id}/history", response_model=list[Envelope], **allows(May.ASSET_READ, refuses=(NotFound,))
)
async def read_history(work: Reading, asset_id: UUID) -> list[Envelope]:
    """资产的全部变动, 从早到晚."""
    asset = await repository.get(work, asset_id)
    return await history(work.session, work.context.name, str(asset.id))


async def _subject(work: Work, record_id: UUID, /, *, lock: bool) -> Subject:
    asset = await repository.get(work, record_id, lock=lock)
    return acting.subject(asset)


notices = of_record("/assets", load=_subject, read=May.ASSET_READ, post=May.ASSET_NOTICE)

verbs = APIRouter(prefix="/assets", tags=["资产登记"], route_class=Route)


@verbs.post(
    "/{asset_id}/{action}",
    response_model=AssetDetail | Preview,
    description=f"```mermaid\n{ASSET.mermaid()}\n```\n\n```mermaid\n{USE.mermaid()}\n```",
    **allows(
        *ASSET.mays(),
        *USE.mays(),
        refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden, BadRequest),
    ),
)
async def act_on_asset(
    work: Writing,
    asset_id: UUID,
    action: AssetAction | UseAction,
    body: AssetAct,
    match: IfMatch,
    dry_run: bool = False,
) -> AssetDetail | Preview:
    """办理资产: 登记、确权、移交、接收; 使用状态变更."""
    asset = await repository.get(work, asset_id, lock=True)
    if isinstance(action, AssetAction):
        preview = await acting.act(work, asset, action, body, match=match, dry_run=dry_run)
    else:
        preview = await acting.change_use(work, asset, action, body, match=match, dry_run=dry_run)
    return preview or await service.detail(work, asset)
