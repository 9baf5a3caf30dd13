"""What a row of a county's table means: a project to draft, or what is wrong with the row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from pydantic import ValidationError

from services.projects.categories.schemas import CategoryRead
from services.projects.exchange.layout import COUNTS, FLAGS, MONEY, WORDS
from services.projects.exchange.regions import Names
from services.projects.library.kinds import MoneyKind
from services.projects.library.schemas import ProjectCreate
from shared.money import yuan
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


@dataclass(frozen=True)
class Reader:
    """What rows are understood with."""

    district: str
    names: Names
    categories: Sequence[CategoryRead]
    words: Sequence[tuple[str, str]]
    year: int | None

    def read(self, row: Row) -> ProjectCreate | None:
        """The project of a sound row; faults are written into the row."""
        values = row.values
        region, category = self._region(row), self._category(row)
        year = values.get("year") or self.year
        if year is None:
            row.fault("year", "没有写明项目年度, 也没有随文件给出年度")
        if not row.sound or region is None or category is None:
            return None
        body: dict[str, Any] = {
            name: values[name] for name in (*WORDS, *FLAGS, *COUNTS) if values.get(name) is not None
        }
        body |= {
            name: values[name]
            for name in ("nature", "planned_start", "planned_end")
            if values.get(name) is not None
        }
        body |= {"name": values["name"], "region": region, "category": category, "year": year}
        body |= {"total": yuan(values["total"]), "money": _money(values)}
        body["id"] = uuid5(
            SPACE,
            "|".join(
                str(body.get(key, "")) for key in ("region", "year", "name", "place", "content", "total")
            ),
        )
        try:
            return ProjectCreate.model_validate(body)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                row.fault(str(one["loc"][0]), str(one["msg"]))
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


def _money(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = [{"kind": kind, "amount": yuan(values[name])} for name, kind in MONEY.items() if values.get(name)]
    if given or not values.get("fund_source"):
        return given
    kind = next((kind for word, kind in SOURCES if word in values["fund_source"]), MoneyKind.FISCAL)
    return [{"kind": kind, "amount": yuan(values["total"])}]
