"""`/organisations`: the directory of organisations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.identity.organisations import repository, service
from services.identity.organisations.models import Organisation
from services.identity.organisations.schemas import (
    OrganisationChange,
    OrganisationCreate,
    OrganisationKind,
    OrganisationRead,
)
from shared.auth import May
from shared.china import OptionalRegionCode
from shared.errors import Conflict, NotFound, PreconditionFailed, VersionRequired
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import RecordKind

router = APIRouter(prefix="/organisations", tags=["单位"], route_class=Route)


@router.get("", response_model=Page[OrganisationRead], **requires(May.REGION_READ))
async def list_organisations(
    work: ReadWork,
    params: Pagination,
    region: Annotated[OptionalRegionCode, Query(description="辖区")] = "",
    kind: OrganisationKind | None = None,
    q: Annotated[str, Query(max_length=40, description="名称的一部分, 或统一社会信用代码")] = "",
) -> PageAnswer:
    """单位名录."""
    return await repository.list_organisations(work, params, region=region, kind=kind, q=q)


@router.post(
    "",
    status_code=201,
    response_model=OrganisationRead,
    **requires(May.ACCOUNT_MANAGE, refuses=(NotFound, Conflict)),
)
async def add_organisation(work: WriteWork, body: OrganisationCreate) -> Organisation:
    """新建单位."""
    return await service.create_organisation(work, body)


@router.get(
    "/{organisation_id}", response_model=OrganisationRead, **requires(May.REGION_READ, refuses=(NotFound,))
)
async def read_organisation(work: ReadWork, organisation_id: UUID) -> Organisation:
    """一个单位."""
    return await repository.get_organisation(work, organisation_id)


@router.patch(
    "/{organisation_id}",
    response_model=OrganisationRead,
    **requires(May.ACCOUNT_MANAGE, refuses=(NotFound, PreconditionFailed, VersionRequired)),
)
async def change_organisation(
    work: WriteWork, organisation_id: UUID, body: OrganisationChange, match: IfMatch
) -> Organisation:
    """修改或关闭单位."""
    return await service.update_organisation(work, organisation_id, body, match)


ORGANISATION_KIND = RecordKind(
    name="organisation",
    label="单位",
    path="/organisations",
    model=Organisation,
    read=OrganisationRead,
    may=May.REGION_READ,
    title="name",
    columns=("name", "kind", "region", "credit_code", "closed"),
    filters=("region", "kind", "q"),
    search=("name",),
    topics=("organisation.changed",),
    phone=True,
)
