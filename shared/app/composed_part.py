"""What the gateway asks every service once: its part in composed pages; not reachable from outside."""

from fastapi import APIRouter

from shared.clients.composition import COMPOSITION_PATH, Composition
from shared.http import Route, allows_anonymous


def composition_router(part: Composition) -> APIRouter:
    """The address of the declaration, which is the same for everybody."""
    router = APIRouter(tags=["说明"], route_class=Route)

    @router.get(COMPOSITION_PATH, response_model=Composition, **allows_anonymous())
    async def read_composition() -> Composition:
        """本服务在汇总页面中的部分: 关键指标、全链条、公示."""
        return part

    return router
