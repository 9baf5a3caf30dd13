"""Threads: collect the records of one chain of funds from all services and order them as steps."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.gateway.fan_out import FanOut, gather
from services.gateway.threads.schemas import STEP_SPECS, Rows, StepSpec, Thread, ThreadKind, ThreadStep
from shared.errors import NotFound

MAX_STEP_TEXT_LENGTH = 120
MAX_FULL_PROJECTS = 30
"""Projects whose records are loaded; the answer gives the number of further ones."""
LATEST_PAGE_PARAMS = {"limit": 50}


def build_steps(parts: Mapping[str, list[dict[str, Any]]]) -> list[ThreadStep]:
    """Convert records to steps, sorted by day, within a day by the order of STEP_SPECS; steps without a day come last."""
    steps = [
        _build_step(spec, row)
        for spec in STEP_SPECS
        for row in parts.get(spec.list_name, [])
        if isinstance(row, dict)
    ]
    return sorted(steps, key=lambda step: step.on or "9999")


def _build_step(spec: StepSpec, row: Mapping[str, Any]) -> ThreadStep:
    texts = [str(row[name]) for name in spec.text_fields.split() if row.get(name) not in {None, ""}]
    return ThreadStep(
        label=spec.label,
        on=next((str(row[name])[:10] for name in spec.day_fields.split() if row.get(name)), ""),
        text=" ".join(texts)[:MAX_STEP_TEXT_LENGTH],
        amount=str(row.get(spec.amount_field) or "") if spec.amount_field else "",
        state=str(row.get("state") or ""),
        service=spec.service,
        id=str(row.get("id", "")),
        address="/api/v1" + spec.address.format_map(_BlankMissingFields(row)),
    )


class _BlankMissingFields(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


async def get_thread(fan_out: FanOut, kind: ThreadKind, record_id: UUID) -> Thread:
    """Load the chain of funds around a record. Raises NotFound when all services answer and none knows the record."""
    start = await _load_start(fan_out, kind, record_id)
    money: dict[str, Any] = start.get("funds") or {}
    project_ids = [str(project_id) for project_id in start.get("projects") or money.get("projects", [])]
    loaded = await gather(
        _load_project_parts(fan_out, project_id) for project_id in project_ids[:MAX_FULL_PROJECTS]
    )
    parts: dict[str, Rows] = {
        **{
            name: money.get(name, []) for name in ("sources", "plans", "allocations", "contracts", "payments")
        },
        **{
            name: [row for project in loaded for row in project[name]]
            for name in ("projects", "notices", "progress", "assets", "inspections", "visits", "coverage")
        },
    }
    if kind is ThreadKind.ASSET:
        parts |= await _load_asset_parts(fan_out, record_id, start["asset"])
    if (
        not any(rows for name, rows in parts.items() if name != "coverage")
        and not fan_out.unavailable
        and not fan_out.forbidden
    ):
        raise NotFound(f"您的辖区内没有这个{kind.label}", f"No such {kind} in your regions")
    return Thread(
        kind=kind,
        id=record_id,
        steps=build_steps(parts),
        figures=money.get("figures"),
        more_projects=max(0, len(project_ids) - MAX_FULL_PROJECTS),
        missing=list(fan_out.unavailable.values()),
        withheld=list(fan_out.forbidden.values()),
        **parts,
    )


async def _load_start(fan_out: FanOut, kind: ThreadKind, record_id: UUID) -> dict[str, Any]:
    if kind is ThreadKind.ASSET:
        asset = await fan_out.get("assets", "/assets/thread", {"asset_id": record_id}) or {}
        project = asset.get("project_id")
        money = await fan_out.get("funds", "/funds/thread", {"project_id": project}) if project else None
        return {"asset": asset, "funds": money, "projects": [project] if project else []}
    money = await fan_out.get("funds", "/funds/thread", {f"{kind}_id": record_id})
    return {"funds": money, "projects": [record_id] if kind is ThreadKind.PROJECT else None}


async def _load_project_parts(fan_out: FanOut, project_id: str) -> dict[str, Rows]:
    """Load the records of one project; lists are empty where the caller may read none."""
    project, notices, progress, assets, visits = await gather(
        (
            fan_out.get_or_none("projects", f"/projects/{project_id}"),
            fan_out.get_or_none("projects", f"/projects/{project_id}/notices"),
            fan_out.get_or_none("projects", f"/projects/{project_id}/progress", LATEST_PAGE_PARAMS),
            fan_out.get_or_none("assets", "/assets/thread", {"project_id": project_id}),
            fan_out.get_or_none(
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


async def _load_asset_parts(fan_out: FanOut, asset_id: UUID, asset: dict[str, Any]) -> dict[str, Rows]:
    """Load the records of one asset, without those of the project's other assets."""
    visits = await fan_out.get_or_none(
        "attendance", "/attendance/visits", {"asset_id": asset_id, **LATEST_PAGE_PARAMS}
    )
    return {
        "assets": asset.get("assets", []),
        "inspections": asset.get("inspections", []),
        "visits": (visits or {}).get("items", []),
    }
