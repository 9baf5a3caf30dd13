"""Finding the template of a category: the nearest above it that has one."""

from services.projects.targets.schemas import Template, TemplateTarget
from shared.work import Work


async def template(work: Work, category: str) -> Template:
    """The indicators to start from for a category."""
    rule = await work.rule("targets.templates")
    parts = category.split(".") if category else []
    heads = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    head = next((one for one in heads if one in rule.value), "")
    items = [TemplateTarget.model_validate(one) for one in rule.value[head]]
    for one in items:
        one.kind_label = one.kind.label
    return Template(category=head, rule=rule.ref, basis=rule.basis, confirmed=rule.confirmed, items=items)
