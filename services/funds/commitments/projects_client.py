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
    """项目, as the projects service last described it; `physical_percent` is None before the first progress report."""

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
    """Explanations of the readiness findings of its last screening."""


MAX_CONCURRENT_REQUESTS = 8
"""Maximum concurrent requests to the projects service per call."""
MAX_QUERY_LENGTH, MAX_SEARCH_RESULTS = 100, 100


@dataclass(frozen=True)
class CommitmentRequest:
    """Commitment of one plan line: amount in 分 for one project."""

    id: UUID
    plan_id: UUID
    project_id: UUID
    amount: int
    document_no: str


async def get_projects(peer: ServiceClient, project_ids: Iterable[UUID]) -> dict[UUID, ProjectFacts]:
    """Get projects by id from the projects service; unknown ids are absent. Unavailable if it is down."""
    semaphore = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    async def fetch(project_id: UUID) -> ProjectFacts | None:
        async with semaphore:
            try:
                return _build_project(await peer.get(f"/api/v1/projects/{project_id}"))
            except NotFound:
                return None

    ids = sorted(set(project_ids))
    projects = await asyncio.gather(*(fetch(project_id) for project_id in ids))
    return {
        project_id: project for project_id, project in zip(ids, projects, strict=True) if project is not None
    }


async def search_projects(peer: ServiceClient, region: str, terms: Iterable[str]) -> list[ProjectFacts]:
    """Find the projects of a region that match any of the names or codes, each once. Unavailable if the service is down."""
    semaphore = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    async def search(term: str) -> list[ProjectFacts]:
        async with semaphore:
            params = {"region": region, "q": term[:MAX_QUERY_LENGTH], "limit": MAX_SEARCH_RESULTS}
            page = await peer.get("/api/v1/projects", params=params)
            return [_build_project(item) for item in page["items"]]

    results = await asyncio.gather(*(search(term) for term in terms))
    return list({project.id: project for projects in results for project in projects}.values())


def _build_project(item: dict[str, Any]) -> ProjectFacts:
    return ProjectFacts(
        id=UUID(item["id"]),
        region=item["region"],
        name=item["name"],
        state=item["state"],
        category=item.get("category") or "",
        category_label=item.get("category_label") or "",
        code=item.get("library_code") or "",
        place=item.get("place") or item.get("location") or "",
        content=item.get("content") or "",
        unit=item.get("implementing_unit") or "",
        industry=bool(item.get("counts_as_industry")),
        blocked=bool(item.get("blocked")),
        physical_percent=item.get("physical_percent"),
        version=int(item.get("version") or 0),
        state_label=item.get("state_label") or "",
        readiness=tuple(
            finding["explanation"]
            for finding in item.get("findings") or ()
            if finding["family"] == "readiness"
        ),
    )


async def screen_purpose(peer: ServiceClient, purpose: str, region: str, year: int) -> TextScreening:
    """Screen the purpose of a payment against the negative list. Unavailable if the projects service is down."""
    return await ProjectsClient(peer).screen_text(purpose, region=region, year=year)


async def register_commitments(peer: ServiceClient, requests: Iterable[CommitmentRequest]) -> None:
    """Register commitments with the projects service (idempotent PUT). Conflict if it refuses one."""
    for request in requests:
        await peer.put(
            f"/api/v1/projects/{request.project_id}/commitments/{request.id}",
            json={
                "amount": format_yuan(request.amount),
                "plan_id": str(request.plan_id),
                "document_no": request.document_no,
            },
        )


async def release_commitment(peer: ServiceClient, project_id: UUID, commitment_id: UUID) -> None:
    """Release a commitment at the projects service; an unknown one counts as released."""
    try:
        await peer.delete(f"/api/v1/projects/{project_id}/commitments/{commitment_id}")
    except NotFound:
        return
