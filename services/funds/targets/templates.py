"""Templates by category: dated rules, each with its basis."""

from services.funds.targets.kinds import Aspect
from services.funds.targets.schemas import Template, TemplateIndicator
from shared.errors import NotFound
from shared.rules import Rule, in_force
from shared.work import Work

PREFIX = "target.template."
GENERAL = "general"


async def templates(work: Work, region: str) -> list[Template]:
    """Every template in force today in a region."""
    return [_read(rule) for rule in await in_force(work.session, work.today, region, PREFIX)]


def _read(rule: Rule) -> Template:
    return Template(
        code=rule.key.removeprefix(PREFIX),
        title=rule.title,
        categories=rule.value["categories"],
        indicators=[
            TemplateIndicator(part=Aspect(one["aspect"]).part, **one) for one in rule.value["indicators"]
        ],
        basis=rule.basis,
        confirmed=rule.confirmed,
        rule=rule.ref,
    )


async def fitting(work: Work, region: str, category: str, code: str = "") -> Template:
    """The template with that code, or the one whose category beginning fits longest. NotFound for an unknown code."""
    known = await templates(work, region)
    if code:
        found = next((one for one in known if one.code == code), None)
        if found is None:
            raise NotFound(f"没有绩效指标模板 {code}", f"No template {code}")
        return found
    fits = [(len(head), one) for one in known for head in one.categories if category.startswith(head)]
    return max(fits, key=lambda fit: fit[0])[1]
