"""What assets must have in common to become one, and what becomes of the rest; how sources of money are divided."""

from collections.abc import Sequence
from typing import Any

from services.assets.register.models import Asset
from shared.china import LabelledEnum, split_proportionally

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
    """In what some assets differ that must be alike, each with what it is said to be."""
    found = []
    for name, label in EQUAL_FIELDS.items():
        values = {getattr(asset, name): asset for asset in assets}
        if len(values) > 1:
            shown = sorted(_display_value(name, value, asset) for value, asset in values.items())
            found.append(f"{label}({' / '.join(shown)})")
    return found


def _display_value(name: str, value: Any, asset: Asset) -> str:  # noqa: ANN401 - a column's value
    if name == "project_id":
        return asset.project_name or "无"
    return value.label if isinstance(value, LabelledEnum) else str(value or "未填")


def combine_fields(assets: Sequence[Asset]) -> dict[str, Any]:
    """What one asset says for several: seen when all were seen, kept by who kept all, as due as the most urgent."""
    seen = [asset.inspected_at for asset in assets]
    photographed = [asset.photographed_at for asset in assets]
    keepers = {(asset.keeper_unit, asset.keeper_name) for asset in assets}
    unit, name = keepers.pop() if len(keepers) == 1 else ("", "")
    return {
        "inspected_at": None if None in seen else min(one for one in seen if one is not None),
        "photographed_at": None
        if None in photographed
        else min(one for one in photographed if one is not None),
        "inspect_due_on": min(asset.inspect_due_on for asset in assets),
        "households": max(asset.households for asset in assets),
        "keeper_unit": unit,
        "keeper_name": name,
        "funding_known": all(asset.funding_known for asset in assets),
        "funding_carried": all(asset.funding_carried for asset in assets),
    }


def sum_funding(funding: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sources of money, each once."""
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for part in funding:
        key = (part.get("level"), part.get("fund"), part.get("document_no"))
        known = sums.setdefault(key, {**part, "amount": 0})
        known["amount"] += part["amount"]
    return list(sums.values())


def split_funding(funding: Sequence[dict[str, Any]], values: Sequence[int]) -> list[list[dict[str, Any]]]:
    """Each source of money in proportion to the parts, adding up to the 分."""
    split_up: list[list[dict[str, Any]]] = [[] for _ in values]
    for source in funding:
        for at, amount in enumerate(split_proportionally(source["amount"], values)):
            if amount:
                split_up[at].append({**source, "amount": amount})
    return split_up
