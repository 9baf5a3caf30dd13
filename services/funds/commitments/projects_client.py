"""Client of the projects service: read projects, screen texts, register and release commitments."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.china import format_yuan
from shared.clients.projects import ProjectsClient, TextScreening
from shared.errors import NotFound
from shared.unit_of_work import ServiceClient


@dataclass(frozen=True)
class ProjectFacts:
    """项目 as the library last described it; `physical_percent` None when it never reported progress."""

    id: UUID
    region: str
    name: str
    state: str
    category: str = ""
    category_label: str = ""
    code: str = ""
    place: str = ""
    content: str = ""
    unit: str = ""
    industry: bool = False
    blocked: bool = False
    physical_percent: int | None = None
    version: int = 0
    state_label: str = ""
    readiness: tuple[str, ...] = ()
    """What its last screening says is not ready yet, in words."""


MAX_CONCURRENT_REQUESTS = 8
"""Questions on the way to the library at the same time."""
MAX_QUERY_LENGTH, MAX_SEARCH_RESULTS = 100, 100


@dataclass(frozen=True)
class CommitmentRequest:
    """One line's money for one project."""

    id: UUID
    plan_id: UUID
    project_id: UUID
    amount: int
    document_no: str


async def get_projects(peer: ServiceClient, project_ids: Iterable[UUID]) -> dict[UUID, ProjectFacts]:
    """What the library knows of these projects; one it does not have is absent. Unavailable when it is down."""
    gate = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    async def one(project_id: UUID) -> ProjectFacts | None:
        async with gate:
            try:
                return _build_project(await peer.get(f"/api/v1/projects/{project_id}"))
            except NotFound:
                return None

    wanted = sorted(set(project_ids))
    found = await asyncio.gather(*(one(project_id) for project_id in wanted))
    return {project_id: view for project_id, view in zip(wanted, found, strict=True) if view is not None}


async def search_projects(peer: ServiceClient, region: str, words: Iterable[str]) -> list[ProjectFacts]:
    """Projects of a region that any of these names or codes finds, each once. Unavailable when it is down."""
    gate = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    async def one(word: str) -> list[ProjectFacts]:
        async with gate:
            params = {"region": region, "q": word[:MAX_QUERY_LENGTH], "limit": MAX_SEARCH_RESULTS}
            found = await peer.get("/api/v1/projects", params=params)
            return [_build_project(said) for said in found["items"]]

    found = await asyncio.gather(*(one(word) for word in words))
    return list({project.id: project for some in found for project in some}.values())


def _build_project(said: dict[str, Any]) -> ProjectFacts:
    return ProjectFacts(
        id=UUID(said["id"]),
        region=said["region"],
        name=said["name"],
        state=said["state"],
        category=said.get("category") or "",
        category_label=said.get("category_label") or "",
        code=said.get("library_code") or "",
        place=said.get("place") or said.get("location") or "",
        content=said.get("content") or "",
        unit=said.get("implementing_unit") or "",
        industry=bool(said.get("counts_as_industry")),
        blocked=bool(said.get("blocked")),
        physical_percent=said.get("physical_percent"),
        version=int(said.get("version") or 0),
        state_label=said.get("state_label") or "",
        readiness=tuple(
            one["explanation"] for one in said.get("findings") or () if one["family"] == "readiness"
        ),
    )


async def screen_purpose(peer: ServiceClient, purpose: str, region: str, year: int) -> TextScreening:
    """What the negative list says of what money is to be paid for. Unavailable when the library is down."""
    return await ProjectsClient(peer).screen_text(purpose, region=region, year=year)


async def register_commitments(peer: ServiceClient, wanted: Iterable[CommitmentRequest]) -> None:
    """Tell the library what it is about to be given; telling twice is telling once. Conflict when it refuses one."""
    for one in wanted:
        await peer.put(
            f"/api/v1/projects/{one.project_id}/commitments/{one.id}",
            json={
                "amount": format_yuan(one.amount),
                "plan_id": str(one.plan_id),
                "document_no": one.document_no,
            },
        )


async def release_commitment(peer: ServiceClient, project_id: UUID, commitment_id: UUID) -> None:
    """Tell the library that a commitment is off; one it never had is released already."""
    try:
        await peer.delete(f"/api/v1/projects/{project_id}/commitments/{commitment_id}")
    except NotFound:
        return
