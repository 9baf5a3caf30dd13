"""Which categories there are on a day, and what one of them means."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.projects.categories.schemas import CategoryRead, CategoryTree
from shared.errors import Fault
from shared.work import Work

Tree = Mapping[str, Mapping[str, Any]]


async def tree(work: Work, *, on: date | None = None, region: str | None = None) -> CategoryTree:
    """The categories in force on a day in a region, in the order of the table."""
    rule = await work.rule("category.tree", on=on, region=region)
    items = [read(rule.value, code) for code in rule.value]
    return CategoryTree(rule=rule.ref, basis=rule.basis, confirmed=rule.confirmed, items=items)


async def find(work: Work, code: str, *, on: date, region: str) -> CategoryRead | None:
    """One category by its code on a day, or None."""
    rule = await work.rule("category.tree", on=on, region=region)
    return read(rule.value, code) if code in rule.value else None


def read(known: Tree, code: str) -> CategoryRead:
    """A category with its whole path as label."""
    parts = code.split(".")
    path = [known[".".join(parts[:n])]["name"] for n in range(1, len(parts) + 1)]
    leaf = not any(other.startswith(f"{code}.") for other in known)
    industry = bool(known[code]["industry"])
    return CategoryRead(
        code=code, name=path[-1], label="/".join(path), counts_as_industry=industry, leaf=leaf
    )


def unknown(code: str, on: date) -> Fault:
    """What is said of a code that is not in the tree."""
    return Fault("no_category", f"{on} 没有项目类型 {code}", f"no category {code} on {on}", "/category")
