"""What the project library says, and what we tell it: the only place that knows the projects service's addresses."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.funds.commitments.project import LibraryProject
from shared.contracts.projects import ProjectsClient, TextScreening
from shared.errors import NotFound
from shared.money import yuan
from shared.work import Peer

AT_ONCE = 8
"""Questions on the way to the library at the same time."""
LONGEST_QUERY, MOST_ALIKE = 100, 100


@dataclass(frozen=True)
class Commit:
    """One line's money for one project."""

    id: UUID
    plan_id: UUID
    project_id: UUID
    amount: int
    document_no: str


async def views(peer: Peer, project_ids: Iterable[UUID]) -> dict[UUID, LibraryProject]:
    """What the library knows of these projects; one it does not have is absent. Unavailable when it is down."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(project_id: UUID) -> LibraryProject | None:
        async with gate:
            try:
                return _project(await peer.get(f"/api/v1/projects/{project_id}"))
            except NotFound:
                return None

    wanted = sorted(set(project_ids))
    found = await asyncio.gather(*(one(project_id) for project_id in wanted))
    return {project_id: view for project_id, view in zip(wanted, found, strict=True) if view is not None}


async def search(peer: Peer, region: str, words: Iterable[str]) -> list[LibraryProject]:
    """Projects of a region that any of these names or codes finds, each once. Unavailable when it is down."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(word: str) -> list[LibraryProject]:
        async with gate:
            params = {"region": region, "q": word[:LONGEST_QUERY], "limit": MOST_ALIKE}
            found = await peer.get("/api/v1/projects", params=params)
            return [_project(said) for said in found["items"]]

    found = await asyncio.gather(*(one(word) for word in words))
    return list({project.id: project for some in found for project in some}.values())


def _project(said: dict[str, Any]) -> LibraryProject:
    return LibraryProject(
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


async def screen(peer: Peer, purpose: str, region: str, year: int) -> TextScreening:
    """What the negative list says of what money is to be paid for. Unavailable when the library is down."""
    return await ProjectsClient(peer).screen(purpose, region=region, year=year)


async def commit(peer: Peer, wanted: Iterable[Commit]) -> None:
    """Tell the library what it is about to be given; telling twice is telling once. Conflict when it refuses one."""
    for one in wanted:
        await peer.put(
            f"/api/v1/projects/{one.project_id}/commitments/{one.id}",
            json={"amount": yuan(one.amount), "plan_id": str(one.plan_id), "document_no": one.document_no},
        )


async def release(peer: Peer, project_id: UUID, commitment_id: UUID) -> None:
    """Tell the library that a commitment is off; one it never had is released already."""
    try:
        await peer.delete(f"/api/v1/projects/{project_id}/commitments/{commitment_id}")
    except NotFound:
        return
