"""Columns of the ledger of assets, and the words in which counties write classes, owners and states of use."""

import re
from collections.abc import Callable, Mapping

from services.assets.register.lifecycle import UseState
from services.assets.register.schemas import AssetClass, OwnerKind
from shared import spreadsheets
from shared.china import LabelledEnum, parse_credit_code
from shared.spreadsheets import Column, choice_column, read_masked_text


def _read_region(cell: spreadsheets.Cell) -> str:
    code = spreadsheets.TEXT.read(cell)
    if not re.fullmatch(r"[0-9]{12}", str(code), re.ASCII):
        raise ValueError(f"须为 12 位区划代码: {code}")
    return str(code)


def _enum_reader(
    enum: type[LabelledEnum], aliases: Mapping[str, LabelledEnum]
) -> Callable[[spreadsheets.Cell], LabelledEnum]:
    """Cell reader of an enum: accepts label, code, or one of the aliases that counties use."""
    choices = spreadsheets.choice_kind(enum)

    def read(cell: spreadsheets.Cell) -> LabelledEnum:
        text = str(spreadsheets.TEXT.read(cell)).strip()
        return aliases[text] if text in aliases else choices.read(cell)

    return read


CLASS_ALIASES = {
    "公益性": AssetClass.PUBLIC,
    "公益类": AssetClass.PUBLIC,
    "经营性": AssetClass.OPERATING,
    "经营类": AssetClass.OPERATING,
    "到户类": AssetClass.HOUSEHOLD,
    "到户": AssetClass.HOUSEHOLD,
}
USE_WORDS = (
    (UseState.DAMAGED, ("损", "坏", "待修", "毁")),
    (UseState.IDLE, ("闲置", "停用", "废弃")),
    (UseState.LOW_YIELD, ("低效",)),
    (
        UseState.IN_USE,
        ("正常", "良好", "在用", "使用", "完好", "运行", "存在", "出租", "经营", "一般", "较好", "好"),
    ),
)
"""Words in which counties write the state of use, the first that occurs."""
OWNER_WORDS = (
    (OwnerKind.HOUSEHOLD, ("农户", "到户", "脱贫户", "个人", "户")),
    (OwnerKind.TOWN, ("镇政府", "乡政府", "镇人民政府", "乡人民政府", "街道办")),
    (OwnerKind.STATE, ("国有", "县", "区人民政府", "局")),
    (OwnerKind.VILLAGE, ("村", "合作社", "社区", "居委会")),
)
"""Words in the owner's name that say what kind of owner it is."""
OWNER_ALIASES = {
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
LEDGER_COLUMNS = (
    Column("name", "资产名称", required=True),
    choice_column(
        "asset_class",
        "资产类别",
        AssetClass,
        aliases=("类别", "资产类型"),
        note="按类别分表的, 可写在工作表名称中",
        reader=_enum_reader(AssetClass, CLASS_ALIASES),
    ),
    Column("subclass", "子类", aliases=("资产子类",), note="填代码或名称, 见代码表"),
    Column("town", "乡镇", aliases=("所在乡镇", "镇", "乡镇街道")),
    Column("village", "村", aliases=("所在村", "行政村", "村(社区)")),
    Column(
        "region",
        "坐落代码",
        reader=_read_region,
        aliases=("区划代码",),
        note="村或镇的 12 位代码; 写了乡镇和村的可不填",
    ),
    Column("address", "坐落", aliases=("坐落位置", "详细地址", "坐落地点")),
    Column(
        "original_value",
        "原值",
        spreadsheets.YUAN,
        required=True,
        aliases=("资产原值",),
        note="元; 表头写“万元”时按万元",
    ),
    Column(
        "built_on",
        "建成时间",
        spreadsheets.ABOUT,
        required=True,
        aliases=("建成(购置)时间", "购建时间", "形成时间"),
        note="日期、年月或年份",
    ),
    Column("service_years", "使用年限", spreadsheets.INTEGER),
    Column("quantity", "数量"),
    Column("unit", "单位", aliases=("计量单位",)),
    Column("specification", "规格", aliases=("规格型号",)),
    choice_column(
        "owner_kind",
        "所有权人类型",
        OwnerKind,
        aliases=("权属类型",),
        reader=_enum_reader(OwnerKind, OWNER_ALIASES),
    ),
    Column("owner_name", "所有权人", aliases=("权属单位",)),
    Column(
        "owner_code",
        "统一社会信用代码",
        reader=lambda cell: parse_credit_code(str(spreadsheets.TEXT.read(cell))),
    ),
    Column("households", "受益户数", spreadsheets.INTEGER),
    Column("project_name", "形成项目", aliases=("项目名称",)),
    Column("builder", "实施单位", aliases=("移交单位",)),
    Column("fiscal", "财政资金", spreadsheets.YUAN, note="资金来源: 其中财政资金"),
    Column("other_money", "其他资金", spreadsheets.YUAN, note="资金来源: 其中其他资金"),
    Column("keeper_unit", "管护单位", aliases=("管护主体",)),
    Column("keeper_name", "管护责任人", aliases=("管护人",), reader=read_masked_text),
    Column("mode", "经营方式"),
    Column("income", "年收益", spreadsheets.YUAN),
    Column("use", "使用状态", aliases=("状态",)),
    Column("note", "备注", aliases=("原编号",)),
)
"""Columns of the ledger: key, title in the template, aliases."""
