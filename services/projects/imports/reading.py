"""What a row of a county's table means: a project to draft, or what is wrong with the row."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic import ValidationError

from services.projects.categories.schemas import CategoryRead
from services.projects.exchange.layout import COUNTS, FLAGS, MONEY, WORDS
from services.projects.exchange.regions import Names
from services.projects.library.kinds import Indicator, MoneyKind
from services.projects.library.schemas import ProjectCreate
from shared.money import yuan
from shared.problems import faults
from shared.sheets.reading import Row

SPACE = UUID("6f0a7a5e-6f6b-5d0e-9b1c-2f1f3c0d9a11")
"""Ids of imported projects are made of their content, so that a row read twice is one project."""
SOURCES = (
    ("中央", MoneyKind.CENTRAL),
    ("少数民族", MoneyKind.CENTRAL),
    ("省", MoneyKind.PROVINCIAL),
    ("自治区", MoneyKind.PROVINCIAL),
    ("市", MoneyKind.CITY),
    ("县", MoneyKind.COUNTY),
    ("区", MoneyKind.COUNTY),
    ("自筹", MoneyKind.SELF_RAISED),
)
"""How the words of 资金来源 are understood, in this order; others are other public money."""
TARGET = re.compile(
    r"(?P<name>.*?)\s*(?P<operator>>=|≥|不低于|<=|≤|不高于|=)?\s*(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>\S{0,20})"
)
OPERATORS = {"≥": ">=", "不低于": ">=", "≤": "<=", "不高于": "<="}
INDICATORS = {
    "quantity": (Indicator.QUANTITY, "建设内容完成数量"),
    "satisfaction": (Indicator.SATISFACTION, "受益户满意度"),
}
ASIDE = (("admitted_on", "入库时间"), ("decision_no", "审批文号"), ("planned", "已纳入年度实施计划"))


@dataclass(frozen=True)
class Reader:
    """What rows are understood with."""

    district: str
    names: Names
    categories: Sequence[CategoryRead]
    words: Sequence[tuple[str, str]]
    year: int | None
    happened_at: datetime | None = None

    @staticmethod
    def code(row: Row) -> str:
        """The library's own code of a row that was exported before; empty without one."""
        return str(row.values.get("library_code") or "")

    def read(self, row: Row) -> ProjectCreate | None:
        """The project of a sound row; faults are written into the row."""
        values = row.values
        region, category = self._region(row), self._category(row)
        year = values.get("year") or self.year
        if year is None:
            row.fault("year", "没有写明项目年度, 也没有随文件给出年度")
        if not row.sound or region is None or category is None:
            return None
        targets = _targets(row)
        if targets is None:
            return None
        body = {**_plain(values), "region": region, "category": category, "year": year, "targets": targets}
        body["happened_at"] = self.happened_at
        body["id"] = uuid5(
            SPACE,
            "|".join(
                str(body.get(key, "")) for key in ("region", "year", "name", "place", "content", "total")
            ),
        )
        try:
            return ProjectCreate.model_validate(body)
        except ValidationError as error:
            for one in faults(error.errors(include_url=False)):
                row.fault(one.pointer.split("/")[1], one.detail)
            return None

    def _region(self, row: Row) -> str | None:
        values = row.values
        county, mine = values.get("county") or "", self.names.names.get(self.names.district, "")
        if county and mine and not county.endswith(mine):
            row.fault("county", f"“{county}”不是{mine}, 须导入到它自己的县(区)")
            return None
        found = self.names.find(
            values.get("town") or "",
            values.get("village") or "",
            values.get("place") or "",
            values["name"] or "",
        )
        if found is None:
            row.fault(
                "village", f"{mine}没有(或不止一个)“{values.get('town') or ''}{values.get('village') or ''}”"
            )
        return found

    def _category(self, row: Row) -> str | None:
        values = row.values
        for key in ("category3", "category2", "category1"):
            said = values.get(key)
            found = [one.code for one in self.categories if said and one.name == said]
            inside = [code for code in found if self._under(code, values)]
            if len(inside) == 1:
                return inside[0]
        known = {one.code for one in self.categories}
        for text in (values["name"], values.get("category1"), values.get("category3")):
            for word, code in self.words:
                if text and word in text and code in known:
                    return code
        row.fault("category1", "认不出项目类型, 请填写项目类型表中的名称")
        return None

    def _under(self, code: str, values: Mapping[str, Any]) -> bool:
        above = values.get("category1")
        tops = {one.name: one.code for one in self.categories if "." not in one.code}
        return above not in tops or code.split(".", maxsplit=1)[0] == tops[above]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that are taken as they are."""
    names = (*WORDS, *FLAGS, *COUNTS, "nature", "planned_start", "planned_end")
    body = {name: values[name] for name in names if values.get(name) is not None}
    if "*" in str(body.get("leader_phone", "")):
        del body["leader_phone"]  # an exported table shows only part of it
    money = {"total": yuan(values["total"]), "money": _money(values)}
    return {**body, **money, "name": values["name"], "remark": _remark(values)}


def _targets(row: Row) -> list[dict[str, Any]] | None:
    """The promises of a row, as people write them: 新建日光温室≥20座; None when one cannot be read."""
    found = []
    for key, (kind, name) in INDICATORS.items():
        said = str(row.values.get(key) or "").strip()
        if not said:
            continue
        match = TARGET.fullmatch(said)
        if match is None:
            row.fault(key, f"“{said}”看不出指标值, 请写成“新建日光温室≥20座”")
            return None
        operator = match["operator"] or ">="
        unit = match["unit"] or ("%" if kind is Indicator.SATISFACTION else "")
        found.append(
            {
                "kind": kind,
                "name": match["name"] if len(match["name"]) > 1 else name,
                "operator": OPERATORS.get(operator, operator),
                "value": match["value"],
                "unit": unit,
            }
        )
    return found


def _remark(values: Mapping[str, Any]) -> str:
    """The row's remark, with what the table says of a library that is not ours to take over unproven."""
    said = [f"{words} {values[key]}" for key, words in ASIDE[:2] if values.get(key)]
    said += [ASIDE[2][1]] if values.get("planned") else []
    return "; ".join(
        [*filter(None, [values.get("remark")]), *([f"原表所载: {', '.join(said)}"] if said else [])]
    )


def _money(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = [{"kind": kind, "amount": yuan(values[name])} for name, kind in MONEY.items() if values.get(name)]
    if given or not values.get("fund_source"):
        return given
    kind = next((kind for word, kind in SOURCES if word in values["fund_source"]), MoneyKind.FISCAL)
    return [{"kind": kind, "amount": yuan(values["total"])}]
