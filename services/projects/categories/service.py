"""Read the dated category tree and the target template of a category."""

from collections.abc import Collection, Mapping
from datetime import date

from services.projects.categories.schemas import (
    CategoryRead,
    CategoryTree,
    TargetTemplate,
    TargetTemplateItem,
)
from services.projects.policy import CATEGORY_TREE, TARGET_TEMPLATES, Category
from shared.errors import FieldError
from shared.records.description import CodeRead
from shared.unit_of_work import UnitOfWork

UNDECIDED = CategoryRead(code="", name="待定", label="待定", counts_as_industry=False, leaf=False)
"""The type of a draft that was imported without one; it is chosen before the draft is declared."""
CategoryRows = Mapping[str, Category]


async def get_category_tree(
    work: UnitOfWork, *, on: date | None = None, region: str | None = None
) -> CategoryTree:
    """Return the categories in force on a day in a region, in the order of the rule."""
    rule = await work.get_rule(CATEGORY_TREE, on=on, region=region)
    parents = {code.rpartition(".")[0] for code in rule.value}
    items = [build_category(rule.value, code, parents) for code in rule.value]
    return CategoryTree(rule=rule.ref, basis=rule.basis, confirmed=rule.confirmed, items=items)


async def find_category(work: UnitOfWork, code: str, *, on: date, region: str) -> CategoryRead | None:
    """Return a category by its code on a day, or None."""
    rule = await work.get_rule(CATEGORY_TREE, on=on, region=region)
    return build_category(rule.value, code) if code in rule.value else None


def build_category(rows: CategoryRows, code: str, parents: Collection[str] | None = None) -> CategoryRead:
    """Build a category; its label is the path of names from the top level. `parents` are the codes with codes below them."""
    parts = code.split(".")
    path = [rows[".".join(parts[:n])].name for n in range(1, len(parts) + 1)]
    if parents is None:
        parents = {other.rpartition(".")[0] for other in rows}
    leaf = code not in parents
    industry = rows[code].industry
    return CategoryRead(
        code=code, name=path[-1], label="/".join(path), counts_as_industry=industry, leaf=leaf
    )


def build_unknown_category_fault(code: str, on: date) -> FieldError:
    """Build the error for a code that is not in the category tree."""
    return FieldError("no_category", f"{on} 没有项目类型 {code}", f"no category {code} on {on}", "/category")


async def get_target_template(work: UnitOfWork, category: str) -> TargetTemplate:
    """Return the template of the nearest ancestor category, else the general template."""
    rule = await work.get_rule(TARGET_TEMPLATES)
    parts = category.split(".") if category else []
    candidates = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    templates = rule.value
    match = next((code for code in candidates if code in templates), "")
    items = [TargetTemplateItem.model_validate(row.model_dump()) for row in templates[match]]
    for item in items:
        item.kind_label = item.kind.label
    return TargetTemplate(
        category=match, rule=rule.ref, basis=rule.basis, confirmed=rule.confirmed, items=items
    )


async def list_category_codes(work: UnitOfWork) -> list[CodeRead]:
    """List the categories in force as a code set, valid from the day of their rule."""
    tree = (await work.get_rule(CATEGORY_TREE)).value
    return [CodeRead(code=code, label=build_category(tree, code).label) for code in tree]
