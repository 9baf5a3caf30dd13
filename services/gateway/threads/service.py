"""The whole chain around a record: funds say which projects, then every project is asked for its own parts."""

from typing import Any
from uuid import UUID

from services.gateway.pieces import Pieces, together
from services.gateway.threads.kinds import Kind
from services.gateway.threads.schemas import Thread
from services.gateway.threads.steps import steps
from shared.errors import NotFound

UNFOLDED = 30
"""Projects told in full; a plan of hundreds says how many more there are."""
LAST = {"limit": 50}
Rows = list[dict[str, Any]]


async def thread(pieces: Pieces, kind: Kind, record_id: UUID) -> Thread:
    """The chain around a record. NotFound when the services that answer know nothing of it."""
    start = await _start(pieces, kind, record_id)
    money: dict[str, Any] = start.get("funds") or {}
    projects = [str(one) for one in start.get("projects") or money.get("projects", [])]
    unfolded = await together(_of_project(pieces, one) for one in projects[:UNFOLDED])
    parts: dict[str, Rows] = {
        **{
            name: money.get(name, []) for name in ("sources", "plans", "allocations", "contracts", "payments")
        },
        **{
            name: [row for one in unfolded for row in one[name]]
            for name in ("projects", "notices", "progress", "assets", "inspections", "visits", "coverage")
        },
    }
    if kind is Kind.ASSET:
        parts |= await _of_asset(pieces, record_id, start["asset"])
    if (
        not any(rows for name, rows in parts.items() if name != "coverage")
        and not pieces.missing
        and not pieces.withheld
    ):
        raise NotFound(f"您的辖区内没有这个{kind.label}", f"No such {kind} in your regions")
    return Thread(
        kind=kind,
        id=record_id,
        steps=steps(parts),
        figures=money.get("figures"),
        more_projects=max(0, len(projects) - UNFOLDED),
        missing=list(pieces.missing.values()),
        withheld=list(pieces.withheld.values()),
        **parts,
    )


async def _start(pieces: Pieces, kind: Kind, record_id: UUID) -> dict[str, Any]:
    if kind is Kind.ASSET:
        asset = await pieces.ask("assets", "/assets/thread", {"asset_id": record_id}) or {}
        project = asset.get("project_id")
        money = await pieces.ask("funds", "/funds/thread", {"project_id": project}) if project else None
        return {"asset": asset, "funds": money, "projects": [project] if project else []}
    money = await pieces.ask("funds", "/funds/thread", {f"{kind}_id": record_id})
    return {"funds": money, "projects": [record_id] if kind is Kind.PROJECT else None}


async def _of_project(pieces: Pieces, project_id: str) -> dict[str, Rows]:
    """One project's own parts; empty where the caller has none."""
    project, notices, progress, assets, visits = await together(
        (
            pieces.seek("projects", f"/projects/{project_id}"),
            pieces.seek("projects", f"/projects/{project_id}/notices"),
            pieces.seek("projects", f"/projects/{project_id}/progress", LAST),
            pieces.seek("assets", "/assets/thread", {"project_id": project_id}),
            pieces.seek("attendance", "/attendance/visits", {"project_id": project_id, **LAST}),
        )
    )
    return {
        "projects": [project] if project else [],
        "notices": notices or [],
        "progress": (progress or {}).get("items", []),
        "assets": (assets or {}).get("assets", []),
        "inspections": (assets or {}).get("inspections", []),
        "coverage": [assets["coverage"]] if assets and assets.get("coverage") else [],
        "visits": (visits or {}).get("items", []),
    }


async def _of_asset(pieces: Pieces, asset_id: UUID, asset: dict[str, Any]) -> dict[str, Rows]:
    """The asset asked for and nothing of its project's others."""
    visits = await pieces.seek("attendance", "/attendance/visits", {"asset_id": asset_id, **LAST})
    return {
        "assets": asset.get("assets", []),
        "inspections": asset.get("inspections", []),
        "visits": (visits or {}).get("items", []),
    }
