"""The assets' piece of the chain over HTTP."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.assets.inspections import repository as inspections
from services.assets.inspections.schemas import InspectionRead
from services.assets.register import repository as register
from services.assets.register.schemas import AssetRead
from services.assets.sums import service as sums
from shared.contracts.assets import Coverage
from shared.errors import BadRequest, NotFound
from shared.http import Reading, Route, allows
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["资金全链条"], route_class=Route)


class AssetThread(BaseModel):
    """资产和巡查; `coverage` 只在从项目查起, 或资产有形成项目时给出."""

    model_config = ConfigDict(from_attributes=True)

    project_id: UUID | None
    assets: list[AssetRead]
    inspections: list[InspectionRead]
    coverage: Coverage | None


@router.get("/thread", response_model=AssetThread, **allows(May.ASSET_READ, refuses=(NotFound, BadRequest)))
async def read_thread(
    work: Reading, project_id: UUID | None = None, asset_id: UUID | None = None
) -> AssetThread:
    """资金全链条中资产这一段: project_id 或 asset_id 说明从哪里查起."""
    if project_id is not None and asset_id is None:
        found = await register.of_project(work, project_id)
    elif asset_id is not None and project_id is None:
        found = [await register.get(work, asset_id)]
        project_id = found[0].project_id
    else:
        raise BadRequest("请给出 project_id、asset_id 中的一个", "Give exactly one record to start from")
    seen = await inspections.of_assets(work, [one.id for one in found])
    return AssetThread(
        project_id=project_id,
        assets=[AssetRead.model_validate(one) for one in found],
        inspections=[InspectionRead.model_validate(one) for one in seen],
        coverage=await sums.coverage(work, project_id) if project_id else None,
    )
