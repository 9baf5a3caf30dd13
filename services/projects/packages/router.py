"""`/projects/{id}/parts`: a package and what it consists of."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.library import repository as library
from services.projects.library.reads import ProjectRow
from services.projects.packages import repository
from services.projects.packages.schemas import Parts, Rolled
from shared.errors import NotFound
from shared.http import Reading, Route, allows
from shared.permissions import May

router = APIRouter(prefix="/projects", tags=["项目包"], route_class=Route)


@router.get("/{project_id}/parts", response_model=Parts, **allows(May.PROJECT_READ, refuses=(NotFound,)))
async def read_parts(work: Reading, project_id: UUID) -> Parts:
    """项目包的下级项目和资金合计."""
    project = await library.get(work, project_id)
    total = Rolled.model_validate(await repository.rolled(work, project.id))
    return Parts.model_construct(
        id=project.id,
        name=project.name,
        total=project.total,
        sum=total,
        difference=project.total - total.total,
        items=[ProjectRow.model_validate(one) for one in await library.children(work, project.id)],
    )
