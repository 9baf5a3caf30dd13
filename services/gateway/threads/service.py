"""A thread told step by step; pure."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.gateway.fan_out import FanOut, gather
from services.gateway.threads.schemas import STEP_SPECS, Step, StepSpec, Thread, ThreadKind
from shared.errors import NotFound

MAX_STEP_TEXT_LENGTH = 120


def build_steps(parts: Mapping[str, list[dict[str, Any]]]) -> list[Step]:
    """Every record as a step, by day; within a day in the order money flows."""
    told = [
        (telling, row)
        for telling in STEP_SPECS
        for row in parts.get(telling.list_name, [])
        if isinstance(row, dict)
    ]
    found = [_build_step(telling, row) for telling, row in told]
    return sorted(found, key=lambda step: step.on or "9999")


def _build_step(telling: StepSpec, row: Mapping[str, Any]) -> Step:
    words = [str(row[name]) for name in telling.text_fields.split() if row.get(name) not in {None, ""}]
    return Step(
        label=telling.label,
        on=next((str(row[name])[:10] for name in telling.day_fields.split() if row.get(name)), ""),
        text=" ".join(words)[:MAX_STEP_TEXT_LENGTH],
        amount=str(row.get(telling.amount_field) or "") if telling.amount_field else "",
        state=str(row.get("state") or ""),
        service=telling.service,
        id=str(row.get("id", "")),
        address="/api/v1" + telling.address.format_map(_BlankMissingFields(row)),
    )


class _BlankMissingFields(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


MAX_FULL_PROJECTS = 30
"""Projects told in full; a plan of hundreds says how many more there are."""
LATEST_PAGE_PARAMS = {"limit": 50}
Rows = list[dict[str, Any]]


async def get_thread(pieces: FanOut, kind: ThreadKind, record_id: UUID) -> Thread:
    """The chain around a record. NotFound when the services that answer know nothing of it."""
    start = await _load_start(pieces, kind, record_id)
    money: dict[str, Any] = start.get("funds") or {}
    projects = [str(one) for one in start.get("projects") or money.get("projects", [])]
    unfolded = await gather(_load_project_parts(pieces, one) for one in projects[:MAX_FULL_PROJECTS])
    parts: dict[str, Rows] = {
        **{
            name: money.get(name, []) for name in ("sources", "plans", "allocations", "contracts", "payments")
        },
        **{
            name: [row for one in unfolded for row in one[name]]
            for name in ("projects", "notices", "progress", "assets", "inspections", "visits", "coverage")
        },
    }
    if kind is ThreadKind.ASSET:
        parts |= await _load_asset_parts(pieces, record_id, start["asset"])
    if (
        not any(rows for name, rows in parts.items() if name != "coverage")
        and not pieces.unavailable
        and not pieces.forbidden
    ):
        raise NotFound(f"您的辖区内没有这个{kind.label}", f"No such {kind} in your regions")
    return Thread(
        kind=kind,
        id=record_id,
        steps=build_steps(parts),
        figures=money.get("figures"),
        more_projects=max(0, len(projects) - MAX_FULL_PROJECTS),
        missing=list(pieces.unavailable.values()),
        withheld=list(pieces.forbidden.values()),
        **parts,
    )


async def _load_start(pieces: FanOut, kind: ThreadKind, record_id: UUID) -> dict[str, Any]:
    if kind is ThreadKind.ASSET:
        asset = await pieces.get("assets", "/assets/thread", {"asset_id": record_id}) or {}
        project = asset.get("project_id")
        money = await pieces.get("funds", "/funds/thread", {"project_id": project}) if project else None
        return {"asset": asset, "funds": money, "projects": [project] if project else []}
    money = await pieces.get("funds", "/funds/thread", {f"{kind}_id": record_id})
    return {"funds": money, "projects": [record_id] if kind is ThreadKind.PROJECT else None}


async def _load_project_parts(pieces: FanOut, project_id: str) -> dict[str, Rows]:
    """One project's own parts; empty where the caller has none."""
    project, notices, progress, assets, visits = await gather(
        (
            pieces.get_or_none("projects", f"/projects/{project_id}"),
            pieces.get_or_none("projects", f"/projects/{project_id}/notices"),
            pieces.get_or_none("projects", f"/projects/{project_id}/progress", LATEST_PAGE_PARAMS),
            pieces.get_or_none("assets", "/assets/thread", {"project_id": project_id}),
            pieces.get_or_none(
                "attendance", "/attendance/visits", {"project_id": project_id, **LATEST_PAGE_PARAMS}
            ),
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


async def _load_asset_parts(pieces: FanOut, asset_id: UUID, asset: dict[str, Any]) -> dict[str, Rows]:
    """The asset asked for and nothing of its project's others."""
    visits = await pieces.get_or_none(
        "attendance", "/attendance/visits", {"asset_id": asset_id, **LATEST_PAGE_PARAMS}
    )
    return {
        "assets": asset.get("assets", []),
        "inspections": asset.get("inspections", []),
        "visits": (visits or {}).get("items", []),
    }
