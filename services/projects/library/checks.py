"""Whether a project's fields agree with one another, and whether the form is complete enough to be declared."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.projects.library.kinds import Document, Indicator
from services.projects.library.models import Project
from shared.errors import Fault
from shared.money import yuan

COUNTY = 6
NEEDED = {
    "content": "建设内容与规模",
    "place": "实施地点",
    "implementing_unit": "实施单位",
    "planned_start": "计划开工时间",
    "planned_end": "计划完工时间",
}


def agreement(values: Mapping[str, Any], region: str) -> list[Fault]:
    """Contradictions inside the form, by field."""
    return [*_money(values), *_beneficiaries(values), *_dates(values), *_places(values, region)]


def _money(values: Mapping[str, Any]) -> Iterable[Fault]:
    rows: Sequence[Mapping[str, Any]] = values["money"]
    kinds = [row["kind"] for row in rows]
    if len(kinds) != len(set(kinds)):
        yield Fault("twice", "同一资金来源填了两次", "a kind of money is given twice", "/money")
    given = sum(row["amount"] for row in rows)
    if rows and given != values["total"]:
        detail = f"各来源合计 {yuan(given)} 元, 与总投资 {yuan(values['total'])} 元不符"
        yield Fault("not_the_sum", detail, "the money does not add up to the total", "/money")


def _beneficiaries(values: Mapping[str, Any]) -> Iterable[Fault]:
    for part, whole, words in (
        ("poor_households", "households", "户数"),
        ("poor_people", "people", "人数"),
    ):
        if values[part] > values[whole]:
            detail = f"脱贫户和监测户{words} {values[part]} 超过受益{words} {values[whole]}"
            yield Fault("part_above_whole", detail, f"{part} is above {whole}", f"/{part}")
    if values["households"] > values["people"] > 0:
        yield Fault("part_above_whole", "受益户数超过受益人口", "more households than people", "/households")


def _dates(values: Mapping[str, Any]) -> Iterable[Fault]:
    start, end = values["planned_start"], values["planned_end"]
    if start is not None and end is not None and end < start:
        yield Fault("before_start", "计划完工早于计划开工", "ends before it starts", "/planned_end")


def _places(values: Mapping[str, Any], region: str) -> Iterable[Fault]:
    for index, place in enumerate(values["places"]):
        if place["region"][:COUNTY] != region[:COUNTY]:
            detail = f"地点 {place['region']} 不在项目所在县"
            yield Fault("other_district", detail, "lies in another district", f"/places/{index}/region")


def completeness(
    project: Project,
    *,
    money: int,
    indicators: Iterable[Indicator],
    documents: Iterable[str],
    leaf: bool,
    linked: bool,
) -> tuple[Fault, ...]:
    """What is still missing before the project can be declared. `linked`: whether its category needs a linkage."""
    found = [
        Fault("empty", f"未填写{words}", f"{name} is empty", f"/{name}")
        for name, words in NEEDED.items()
        if not getattr(project, name)
    ]
    if not leaf:
        found.append(Fault("not_a_leaf", "项目类型须选到子类型", "choose the lowest level", "/category"))
    if money != project.total:
        found.append(Fault("not_the_sum", "未填写资金来源", "the planned money is missing", "/money"))
    if (linked or project.asset_income) and not project.linkage.strip():
        found.append(Fault("empty", "产业、经营性项目须填写联农带农机制", "linkage is empty", "/linkage"))
    has = set(indicators)
    for kind in (Indicator.QUANTITY, Indicator.SATISFACTION):
        if kind not in has:
            found.append(Fault("no_target", f"绩效目标缺少{kind.label}", f"no {kind} target", "/targets"))
    if project.household and Document.BENEFICIARIES not in set(documents):
        found.append(Fault("no_beneficiaries", "到户项目须附受益户名单", "no beneficiary list", "/documents"))
    return tuple(found)
