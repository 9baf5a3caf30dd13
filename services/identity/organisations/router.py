"""`/organisations`: the directory of organisations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.identity.organisations import repository, service
from services.identity.organisations.kinds import OrganisationKind
from services.identity.organisations.models import Organisation
from services.identity.organisations.schemas import OrganisationChange, OrganisationCreate, OrganisationRead
from shared.errors import Conflict, NotFound, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/organisations", tags=["单位"], route_class=Route)


@router.get("", response_model=Page[OrganisationRead], **allows(May.REGION_READ))
async def list_organisations(
    work: Reading,
    asked: Paging,
    region: Annotated[str, Query(pattern="^([0-9]{12})?$", description="辖区")] = "",
    kind: OrganisationKind | None = None,
    q: Annotated[str, Query(max_length=40, description="名称的一部分, 或统一社会信用代码")] = "",
) -> Page[Organisation]:
    """单位名录."""
    return await repository.listed(work, asked, region=region, kind=kind, q=q)


@router.post(
    "",
    status_code=201,
    response_model=OrganisationRead,
    **allows(May.ACCOUNT_MANAGE, refuses=(NotFound, Conflict)),
)
async def add_organisation(work: Writing, body: OrganisationCreate) -> Organisation:
    """新建单位."""
    return await service.add(work, body)


@router.get(
    "/{organisation_id}", response_model=OrganisationRead, **allows(May.REGION_READ, refuses=(NotFound,))
)
async def read_organisation(work: Reading, organisation_id: UUID) -> Organisation:
    """一个单位."""
    return await repository.get(work, organisation_id)


@router.patch(
    "/{organisation_id}",
    response_model=OrganisationRead,
    **allows(May.ACCOUNT_MANAGE, refuses=(NotFound, Stale, VersionRequired)),
)
async def change_organisation(
    work: Writing, organisation_id: UUID, body: OrganisationChange, match: IfMatch
) -> Organisation:
    """修改或关闭单位."""
    return await service.change(work, organisation_id, body, match)
