"""Rules of split and merge: fields that must be equal, fields that are combined, funding that is summed or split."""

from collections.abc import Sequence
from typing import Any

from services.assets.book.calculation import split_within
from services.assets.register.models import Asset
from shared.china import LabelledEnum

EQUAL_FIELDS = {
    "region": "坐落村(镇)",
    "project_id": "形成项目",
    "asset_class": "类别",
    "owner_kind": "所有权人类型",
    "owner_name": "所有权人",
    "state": "登记状态",
    "use": "使用状态",
}


def find_differences(assets: Sequence[Asset]) -> list[str]:
    """Labels of the fields that must be equal but differ, each with the values found."""
    differences = []
    for name, label in EQUAL_FIELDS.items():
        values = {getattr(asset, name): asset for asset in assets}
        if len(values) > 1:
            labels = sorted(_display_value(name, value, asset) for value, asset in values.items())
            differences.append(f"{label}({' / '.join(labels)})")
    return differences


def _display_value(name: str, value: Any, asset: Asset) -> str:  # noqa: ANN401 - a column's value
    if name == "project_id":
        return asset.project_name or "无"
    return value.label if isinstance(value, LabelledEnum) else str(value or "未填")


def combine_fields(assets: Sequence[Asset]) -> dict[str, Any]:
    """Combined fields of merged assets: the earliest sighting if all were seen, the keeper if they share one, the earliest due date."""
    inspection_times = [asset.inspected_at for asset in assets]
    photo_times = [asset.photographed_at for asset in assets]
    keepers = {(asset.keeper_unit, asset.keeper_name) for asset in assets}
    unit, name = keepers.pop() if len(keepers) == 1 else ("", "")
    return {
        "inspected_at": None
        if None in inspection_times
        else min(time for time in inspection_times if time is not None),
        "photographed_at": None
        if None in photo_times
        else min(time for time in photo_times if time is not None),
        "inspect_due_on": min(asset.inspect_due_on for asset in assets),
        "households": max(asset.households for asset in assets),
        "keeper_unit": unit,
        "keeper_name": name,
        "funding_known": all(asset.funding_known for asset in assets),
        "funding_carried": all(asset.funding_carried for asset in assets),
    }


def sum_funding(funding: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Funding parts summed by level, fund and document."""
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for part in funding:
        key = (part.get("level"), part.get("fund"), part.get("document_no"))
        total = sums.setdefault(key, {**part, "amount": 0})
        total["amount"] += part["amount"]
    return list(sums.values())


def split_funding(funding: Sequence[dict[str, Any]], values: Sequence[int]) -> list[list[dict[str, Any]]]:
    """Funding per part: each source split in proportion to what is left of `values`, exact to the 分.

    No part gets more money than it is worth; where the sources cover the whole value, each part gets exactly its value.
    """
    shares: list[list[dict[str, Any]]] = [[] for _ in values]
    rows = split_within([source["amount"] for source in funding], values)
    for source, amounts in zip(funding, rows, strict=True):
        for index, amount in enumerate(amounts):
            if amount:
                shares[index].append({**source, "amount": amount})
    return shares
