"""Which project and which fund document a row means. Nothing is guessed: one match or a reason."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from uuid import UUID

from services.funds.commitments.project import LibraryProject
from services.funds.sources.kinds import Level
from services.funds.sources.models import Source
from shared.sheets import Row

LEVEL_WORDS = {
    Level.CENTRAL: ("中央",),
    Level.PROVINCIAL: ("省",),
    Level.CITY: ("市",),
    Level.COUNTY: ("县", "区"),
}
_BRACKETS = str.maketrans("﹝﹞[]【】〔〕", "〔〕〔〕〔〕〔〕")


def same(text: str) -> str:
    """A name or number without what people write differently."""
    plain = unicodedata.normalize("NFKC", text.translate(_BRACKETS)).translate(_BRACKETS)
    return re.sub(r"\s", "", plain).casefold()


def project(row: Row, known: Sequence[LibraryProject]) -> LibraryProject | None:
    """The one project of the library a row means; otherwise None, and the row says why."""
    code, name = row.values.get("code"), row.values["name"]
    if code:
        mine = [one for one in known if same(one.code) == same(code)]
        if not mine:
            row.fault("code", f"项目库中没有编号 {code}")
        return mine[0] if mine else None
    mine = [one for one in known if same(one.name) == same(name)]
    if len(mine) > 1 and (place := row.values.get("place")):
        mine = [one for one in mine if same(one.place) == same(place)] or mine
    if len(mine) == 1:
        return mine[0]
    if not mine:
        row.fault("name", "项目库中没有这个项目, 资金跟着项目走, 请先入库")
    else:
        codes = "、".join(one.code or str(one.id) for one in mine[:5])
        row.fault("name", f"项目库中有 {len(mine)} 个同名项目, 请填写库编号: {codes}")
    return None


def source(row: Row, given: Mapping[UUID, Source]) -> Source | None:
    """The one fund document a row is paid from: by its number, else the only one, else by the level in 资金名称."""
    if number := row.values.get("document_no"):
        mine = [one for one in given.values() if same(one.document_no) == same(number)]
        if len(mine) != 1:
            row.fault("document_no", f"本次导入没有指明指标文 {number}")
        return mine[0] if len(mine) == 1 else None
    if len(given) == 1:
        return next(iter(given.values()))
    fund = row.values.get("fund") or ""
    mine = [one for one in given.values() if fund.startswith(LEVEL_WORDS[one.level])]
    if len(mine) != 1:
        row.fault("fund", "分不清用哪一份指标文, 请填写指标文号")
    return mine[0] if len(mine) == 1 else None
