"""The columns of a ledger file, as counties title them."""

import re
from collections.abc import Callable, Mapping

from services.assets.register.kinds import AssetClass, OwnerKind
from shared import sheets
from shared.identifiers import credit_code
from shared.labels import Labelled
from shared.sheets import Column, chosen


def _region(cell: sheets.Cell) -> str:
    code = sheets.TEXT.read(cell)
    if not re.fullmatch(r"[0-9]{12}", str(code), re.ASCII):
        raise ValueError(f"须为 12 位区划代码: {code}")
    return str(code)


def _words(kind: type[Labelled], more: Mapping[str, Labelled]) -> Callable[[sheets.Cell], Labelled]:
    """A code set by its label, its code, or the words counties use for it."""
    known = sheets.choice(kind)

    def read(cell: sheets.Cell) -> Labelled:
        words = str(sheets.TEXT.read(cell)).strip()
        return more[words] if words in more else known.read(cell)

    return read


CLASSES = {
    "公益性": AssetClass.PUBLIC,
    "公益类": AssetClass.PUBLIC,
    "经营性": AssetClass.OPERATING,
    "经营类": AssetClass.OPERATING,
    "到户类": AssetClass.HOUSEHOLD,
    "到户": AssetClass.HOUSEHOLD,
}
OWNERS = {
    "国有": OwnerKind.STATE,
    "县级": OwnerKind.STATE,
    "区级": OwnerKind.STATE,
    "镇": OwnerKind.TOWN,
    "乡": OwnerKind.TOWN,
    "镇级": OwnerKind.TOWN,
    "乡镇": OwnerKind.TOWN,
    "乡镇级": OwnerKind.TOWN,
    "村": OwnerKind.VILLAGE,
    "村级": OwnerKind.VILLAGE,
    "村集体所有": OwnerKind.VILLAGE,
    "农户所有": OwnerKind.HOUSEHOLD,
    "到户": OwnerKind.HOUSEHOLD,
}
COLUMNS = (
    Column("name", "资产名称", required=True),
    chosen(
        "asset_class",
        "资产类别",
        AssetClass,
        required=True,
        aliases=("类别", "资产类型"),
        reader=_words(AssetClass, CLASSES),
    ),
    Column("subclass", "子类", aliases=("资产子类",), note="填代码或名称, 见代码表"),
    Column(
        "region", "坐落代码", required=True, reader=_region, aliases=("区划代码",), note="村或镇的 12 位代码"
    ),
    Column("address", "坐落", aliases=("坐落位置", "详细地址", "坐落地点")),
    Column(
        "original_value",
        "原值",
        sheets.YUAN,
        required=True,
        aliases=("资产原值",),
        note="元; 表头写“万元”时按万元",
    ),
    Column(
        "built_on", "建成时间", sheets.DAY, required=True, aliases=("建成(购置)时间", "购建时间", "形成时间")
    ),
    Column("service_years", "使用年限", sheets.INTEGER),
    Column("quantity", "数量"),
    Column("unit", "单位", aliases=("计量单位",)),
    Column("specification", "规格", aliases=("规格型号",)),
    chosen("owner_kind", "所有权人类型", OwnerKind, aliases=("权属类型",), reader=_words(OwnerKind, OWNERS)),
    Column("owner_name", "所有权人", aliases=("权属单位",)),
    Column("owner_code", "统一社会信用代码", reader=lambda cell: credit_code(str(sheets.TEXT.read(cell)))),
    Column("households", "受益户数", sheets.INTEGER),
    Column("project_name", "形成项目", aliases=("项目名称",)),
    Column("builder", "实施单位", aliases=("移交单位",)),
    Column("note", "备注", aliases=("原编号",)),
)
"""What a row may say; the titles on the left are those of the template."""
