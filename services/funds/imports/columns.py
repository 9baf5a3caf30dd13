"""The columns of an allocation table, by the titles that counties give them."""

from shared.sheets import WAN, Column, Limits

LIMITS = Limits(size=4 * 1024 * 1024, rows=500)

COLUMNS = (
    Column(
        "code",
        "库编号",
        aliases=("项目库编号", "项目编号", "项目编码"),
        note="项目库中的编号; 有同名项目时必须填写",
    ),
    Column(
        "name", "项目名称", aliases=("项目", "工程名称"), required=True, width=36, note="与项目库中的名称一致"
    ),
    Column("place", "实施地点", aliases=("项目地点", "建设地点", "项目实施地点", "地点"), width=24),
    Column(
        "content",
        "建设内容",
        aliases=("建设内容及规模", "主要建设内容", "项目内容", "建设内容与规模"),
        width=40,
    ),
    Column(
        "amount",
        "资金(万元)",
        WAN,
        aliases=(
            "安排资金(万元)",
            "下达资金(万元)",
            "资金规模(万元)",
            "金额(万元)",
            "安排金额(万元)",
            "资金",
            "金额",
        ),
        required=True,
        note="万元, 最多六位小数",
    ),
    Column("document_no", "指标文号", aliases=("资金文号", "文号"), note="方案用到几份指标文时填写"),
    Column("fund", "资金名称", aliases=("资金来源", "资金类型", "资金类别"), width=30),
    Column("project_type", "项目类型", aliases=("类型", "项目类别", "建设性质")),
    Column("unit", "责任单位", aliases=("项目责任单位", "实施单位", "主管部门", "项目实施单位"), width=24),
    Column("target", "绩效目标", aliases=("绩效", "预期效益"), width=40),
)
