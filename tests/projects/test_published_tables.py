"""Project tables in layouts that counties publish: every row is imported, or refused for its true reason, after one mapping.

Heads and layouts follow published plan tables (岳阳县, 偃师区, 惠安县, 富锦市 and others); places and contents are invented.
"""

import io
import json
from dataclasses import dataclass, field
from typing import Any

import openpyxl

from tests.clients import DISTRICT
from tests.projects.factories_projects import ProjectScenario, expect_success

Truth = tuple[int, list[str]]
"""Total in 分 and the places of a project."""
GUANGCHANG, HENGGOU, TUTA, CHANGFENG = (f"6206021002{n:02d}" for n in (1, 2, 3, 4))
XINDI, XINDONG, QINGQUAN = (f"6206021022{n:02d}" for n in (0, 1, 2))
PUZI, ZHANGZHUANG, SHITOUBA, DAZHUANG, HEWAN = (f"6206021132{n:02d}" for n in (0, 1, 2, 4, 5))
HUANGYANG, QINGYUAN, ZHANGYI = "620602100000", "620602102000", "620602113000"


@dataclass(frozen=True)
class Table:
    """A table: its cells, merges, what its rows are by name, the names to be asked about, and the mapping sent."""

    rows: list[list[Any]]
    truth: dict[str, Truth]
    merges: str = ""
    asked: dict[str, str] = field(default_factory=dict)
    mapping: dict[str, str] = field(default_factory=dict)

    def build(self) -> bytes:
        """The workbook."""
        book, target = openpyxl.Workbook(), io.BytesIO()
        for row in self.rows:
            book.active.append(row)
        for merge in self.merges.split():
            book.active.merge_cells(merge)
        book.save(target)
        return target.getvalue()


def wan(amount: float) -> int:
    return round(amount * 1_000_000)


LEVELS_ONLY = Table(
    [
        ["附件"],
        ["某县2024年第十批财政衔接资金项目计划表"],
        [
            "序号",
            "乡镇\n(单位名称)",
            "村名",
            "项目\n名称",
            "项目\n类别",
            "项目建设\n内容",
            "本批衔接资金安排情况\n(万元)",
        ],
        [None, None, None, None, None, None, "中央", "省级", "市级", "县级"],
        [1, "黄羊镇", "广场村", "三组塘坝清淤加固", "产业发展", "塘堤硬化65米", 20, None, None, None],
        [2, "黄羊镇", "横沟村", "片区道路维修", "乡村建设行动", "路面宽3.5米,长700米", None, 10, None, None],
        [3, "清源镇", "新东村", "优质稻基地配套水利", "产业发展", "清淤护砌", 6, 4, None, 2.5],
        ["合计", None, None, None, None, None, 26, 14, None, 2.5],
    ],
    {
        "三组塘坝清淤加固": (wan(20), [GUANGCHANG]),
        "片区道路维修": (wan(10), [HENGGOU]),
        "优质稻基地配套水利": (wan(12.5), [XINDONG]),
    },
    "A2:J2 A3:A4 B3:B4 C3:C4 D3:D4 E3:E4 F3:F4 G3:J3",
)
ONE_PLACE = Table(
    [
        ["附件1"],
        ["2024年中央财政衔接推进老区乡村振兴补助项目资金分配表"],
        ["序号", "镇、村", "项目名称", "项目内容", "资金投入(万元)", "补助金额(万元)"],
        [1, "黄羊镇土塔村", "道路改造建设", "全长约550米,宽2.40米", 40, 10],
        [2, "清源镇清泉村、新地村", "渠道衬砌", "衬砌U型渠2.1公里", 63.5, 50],
        [3, "张义镇", "镇区周边产业路", "硬化3公里", 120, 100],
        ["合计", None, None, None, 223.5, 160],
    ],
    {
        "道路改造建设": (wan(40), [TUTA]),
        "渠道衬砌": (wan(63.5), [QINGQUAN, XINDI]),
        "镇区周边产业路": (wan(120), [ZHANGYI]),
    },
)
NAMES_ONLY = Table(
    [
        ["某区2022年第二批财政衔接推进乡村振兴补助资金分配表"],
        ["序号", "项目名称", "建设地点", "建设内容", "本次分配金额(万元)", "责任单位"],
        [1, "2022年凉州区黄羊镇长丰村道路提升项目", "黄羊镇", "修建道路332米", 20, "交通运输局"],
        [2, "2022年凉州区张义镇堡子村道路提升项目", "张义镇", "全长1010米,路面宽5米", "75", "交通运输局"],
        [3, "2022年凉州区张义镇大庄道路提升项目", "张义镇", "670米", "６０", "交通运输局"],
        [None, "合计", None, None, 155, None],
        ["公示时间：2022年7月1日至7月10日"],
        ["监督电话：12317"],
    ],
    {
        "2022年凉州区黄羊镇长丰村道路提升项目": (wan(20), [CHANGFENG]),
        "2022年凉州区张义镇堡子村道路提升项目": (wan(75), [PUZI]),
        "2022年凉州区张义镇大庄道路提升项目": (wan(60), [ZHANGYI]),
    },
)
GROUPED = Table(
    [
        ["富民市2025年巩固拓展脱贫攻坚成果和乡村振兴项目库项目基本情况表"],
        ["单位：万元、户、人"],
        [
            "序号",
            "项目名称",
            "项目类型",
            "建设性质",
            "实施地点",
            "时间进度",
            "责任单位",
            "建设任务",
            "资金规模和筹资方式",
            None,
            None,
            "受益对象",
            None,
        ],
        [None, None, None, None, None, None, None, None, "资金规模", "财政资金", "自筹", "户数", "人数"],
        ["总计", None, None, None, None, None, None, None, 341.5, 321.5, 20, 620, 1900],
        ["一", "产业发展", None, None, None, None, None, None, 241.5, 221.5, 20, None, None],
        ["（一）", "生产项目", None, None, None, None, None, None, 241.5, 221.5, 20, None, None],
        [
            1,
            "石头坝村烘干塔项目",
            "产业发展/加工流通项目",
            "新建",
            "张义镇石头坝村",
            "2025年3月—2025年10月",
            "张义镇人民政府",
            "烘干塔1座",
            150,
            130,
            20,
            120,
            400,
        ],
        [
            2,
            "笨榨豆油项目",
            "产业发展",
            "续建",
            "张义镇张庄、堡子等2个村",
            "2025.4-2025.11",
            "张义镇人民政府",
            "榨油设备1套",
            91.5,
            91.5,
            "—",
            200,
            600,
        ],
        ["二", "乡村建设行动", None, None, None, None, None, None, 100, 100, None, None, None],
        [
            3,
            "晒场硬化项目",
            "乡村建设行动",
            "新建",
            "清源镇新地村一组、二组",
            "2025年",
            "清源镇",
            "硬化2000平方米",
            "100万元",
            "100",
            "无",
            300,
            900,
        ],
    ],
    {
        "石头坝村烘干塔项目": (wan(150), [SHITOUBA]),
        "笨榨豆油项目": (wan(91.5), [ZHANGZHUANG, PUZI]),
        "晒场硬化项目": (wan(100), [XINDI]),
    },
    "A1:M1 I3:K3 L3:M3",
)
BY_TOWN = Table(
    [
        ["2024年第三批衔接资金产业发展项目建设计划汇总表", None, None, None, None, None, None],
        ["乡镇", "序号", "项目业主", "项目内容", "计划投资(元)", "开工时间", "竣工时间"],
        ["黄羊镇", 1, "广场村股份经济合作社", "冷藏库一座", "1,250,000.00", "2024年4月", "2024年9月底"],
        [None, 2, "横沟村村民委员会", "节水灌溉500亩", 880000, "2024.5", "2024.10"],
        ["张义镇", 3, "河湾 村委会", "羊舍1200平方米", "¥460,000", "四月", "2024-11-30"],
        ["小计", None, None, None, 2590000, None, None],
    ],
    {
        "冷藏库一座": (wan(125), [GUANGCHANG]),
        "节水灌溉500亩": (wan(88), [HENGGOU]),
        "羊舍1200平方米": (wan(46), [HEWAN]),
    },
    "A1:G1 A3:A4",
    mapping={"项目业主": "village", "项目内容": "name", "计划投资(元)": "total"},
)
SPELLINGS = Table(
    [
        ["村级项目申报汇总"],
        ["编号", "申报村", "申报项目", "投资盘子", "资金渠道", "主要建设任务", "覆盖脱贫户"],
        ["01", "黄羊镇广场村民委员会", "机井配套", "12.5万元", "中央衔接资金", "配套水泵", 12],
        ["02", "清源新地", "巷道硬化", 33, "省级衔接资金", "硬化1.2公里", 30],
        ["03", "张义镇 石头坝 村", "文化活动场地平整", "7万", "县级配套", "平整800平方米", 8],
        ["04", "张义镇张庄村、堡子村、大庄村", "联村道路", "210", "中央", "铺油4公里", 90],
        ["05", "黄羊镇光场村", "水渠维修", 18, "中央", "维修900米", 20],
        ["填报人：样某", None, None, None, "2024年3月1日", None, None],
    ],
    {
        "机井配套": (wan(12.5), [GUANGCHANG]),
        "巷道硬化": (wan(33), [XINDI]),
        "文化活动场地平整": (wan(7), [SHITOUBA]),
        "联村道路": (wan(210), [ZHANGZHUANG, PUZI, DAZHUANG]),
    },
    asked={"水渠维修": "广场"},
    mapping={"申报村": "village", "申报项目": "name", "投资盘子": "total", "资金渠道": "fund_source"},
)
NO_TYPE = Table(
    [
        ["附件2：2024年度财政衔接资金项目实施计划（第一批）", None, None, None, None, None, None, None],
        [
            "项目编号",
            "项目名称",
            "建设单位",
            "建设地点(乡、村)",
            "建设规模及主要内容",
            "总投资(万元)",
            "建设期限",
            "绩效目标",
        ],
        ["甲", "乙", "丙", "丁", "戊", "1", "2", "3"],
        [
            "HY-01",
            "广场村日光温室建设项目",
            "黄羊镇政府",
            "黄羊镇·广场村",
            "新建日光温室20座",
            300,
            "2024年3月至2024年11月",
            "增收",
        ],
        [
            "HY-02",
            "黄羊镇人居环境整治",
            "黄羊镇政府",
            "黄羊镇各村",
            "清运垃圾",
            56.789,
            "2024.3--2024.12",
            "改善",
        ],
        ["XZ-03", "雨露计划", "区教育局", "全区", "补助1200人", 360, "2024年", "减负"],
        [
            "QY-04",
            "清源镇新东村安全饮水",
            "区水务局",
            "清源镇新东村七组",
            "管网6公里",
            "1,024.5",
            "6个月",
            "达标",
        ],
        ["注：以上项目均已入库。"],
    ],
    {
        "广场村日光温室建设项目": (wan(300), [GUANGCHANG]),
        "黄羊镇人居环境整治": (wan(56.789), [HUANGYANG]),
        "雨露计划": (wan(360), [DISTRICT]),
        "清源镇新东村安全饮水": (wan(1024.5), [XINDONG]),
    },
    "A1:H1",
)
TOWN_HEADINGS = Table(
    [
        ["凉州区2024年到村产业项目明细", None, None, None, None],
        ["村", "项目", "规模", "资金(万元)", "联农带农机制"],
        ["黄羊镇（2个）", None, None, None, None],
        ["长丰", "羊舍改造", "900平方米", 45, "土地流转、务工"],
        ["土塔村委", "青贮池", "600立方米", 12, "订单收购"],
        ["小 计", None, None, 57, None],
        ["清源镇（1个）", None, None, None, None],
        ["清泉村", "果园滴灌", "300亩", 38.2, "务工"],
        ["小 计", None, None, 38.2, None],
        ["总 计", None, None, 95.2, None],
    ],
    {
        "羊舍改造": (wan(45), [CHANGFENG]),
        "青贮池": (wan(12), [TUTA]),
        "果园滴灌": (wan(38.2), [QINGQUAN]),
    },
    "A1:E1 A3:E3 A7:E7",
    mapping={"项目": "name", "规模": "content", "资金(万元)": "total"},
)
PUBLISHED_RESULTS = Table(
    [
        ["2023年度巩固衔接项目完成情况公告公示表"],
        ["制表单位：凉州区乡村振兴局", None, None, None, None, None, "单位：万元"],
        ["项目序号", "建设项目", "所在乡镇", "所在村组", "建设内容（规模）", "下达资金", "完成投资"],
        [1, "人畜饮水工程", "清源镇", "清泉村二、三组", "铺设管道3公里", 58, 57.6],
        [2, "产业道路", "张义镇", "大庄村", "硬化1.8公里", 92, 92],
        [3, "温室维修", "黄羊", "土塔、长丰", "维修旧棚40座", 36.6, 36.6],
        [None, "合  计", None, None, None, 186.6, 186.2],
    ],
    {
        "人畜饮水工程": (wan(58), [QINGQUAN]),
        "产业道路": (wan(92), [DAZHUANG]),
        "温室维修": (wan(36.6), [TUTA, CHANGFENG]),
    },
    mapping={"建设项目": "name", "下达资金": "total", "所在村组": "village"},
)
VILLAGE_RESERVE = Table(
    [
        ["凉州区2025年项目储备库清单（村申报）"],
        [
            "类别",
            "项目名称",
            "地点",
            "规模",
            "投资估算（万元）",
            "资金筹措",
            None,
            "拟开工时间",
            "拟竣工时间",
            "受益范围",
        ],
        [None, None, None, None, None, "申请衔接资金", "自筹", None, None, None],
        ["一、产业类", None, None, None, 165, 150, 15, None, None, None],
        ["种植", "黄芪育苗", "张义镇河湾村民委员会", "育苗80亩", 65, 60, 5, "2025-03", "2025-10", "120户"],
        [
            "养殖",
            "羊舍改扩建",
            "黄羊镇横沟村一社",
            "羊舍900平",
            "100",
            "90",
            "10",
            "2025年4月上旬",
            "2025年10月下旬",
            "80户",
        ],
        ["二、基础设施类", None, None, None, 30, 30, None, None, None, None],
        [
            "道路",
            "巷道砖铺",
            "清源镇新地村委",
            "0.9公里",
            "30万",
            "30",
            None,
            "2025/5/1",
            "2025/9/30",
            "200户",
        ],
    ],
    {"黄芪育苗": (wan(65), [HEWAN]), "羊舍改扩建": (wan(100), [HENGGOU]), "巷道砖铺": (wan(30), [XINDI])},
    "F2:G2",
    mapping={
        "拟开工时间": "planned_start",
        "拟竣工时间": "planned_end",
        "申请衔接资金": "central",
        "投资估算（万元）": "total",
    },
)
NAME_AND_CONTENT = Table(
    [
        ["附件3", "", "", "", ""],
        ["凉州区第二批少数民族发展任务资金项目安排表", "", "", "", ""],
        ["序", "实施单位", "项目名称及主要建设内容", "金额", "备注"],
        ["1", "黄羊镇人民政府", "广场村蔬菜分拣车间：新建车间600平方米，购置设备1套", "￥850,000.00元", ""],
        ["2", "张义镇人民政府", "石头坝村蓄水池：新建200立方米蓄水池1座", "¥320000元", "续建"],
        ["", "合计", "", "1170000", ""],
    ],
    {
        "广场村蔬菜分拣车间：新建车间600平方米，购置设备1套": (85000000, [GUANGCHANG]),
        "石头坝村蓄水池：新建200立方米蓄水池1座": (32000000, [SHITOUBA]),
    },
    mapping={"项目名称及主要建设内容": "name", "金额": "total"},
)
UNITED_AMOUNTS = Table(
    [
        ["镇别", "村别", "项目名称", "资金来源及金额(万元)", None, None, None, "建设起止"],
        [None, None, None, "合计", "中央", "省", "区", None],
        ["黄羊镇", "广场村", "机耕道", "48.5", "30", "18.5", "", "2024.04—2024.09"],
        ["黄羊镇", "横沟", "节灌", "60", None, "60", None, "2024年度"],
        ["清源镇", "新东", "冷库", "110", "110", "—", "—", "5月-11月"],
        ["张义镇", "全镇", "户厕改造", "75", "", "", "75", "2024年"],
        ["总计", "", "", 293.5, 140, 78.5, 75, ""],
    ],
    {
        "机耕道": (wan(48.5), [GUANGCHANG]),
        "节灌": (wan(60), [HENGGOU]),
        "冷库": (wan(110), [XINDONG]),
        "户厕改造": (wan(75), [ZHANGYI]),
    },
    "D1:G1",
    mapping={"镇别": "town", "建设起止": "period"},
)
FACILITIES = Table(
    [
        ["凉州区帮扶车间及公益设施建设台账"],
        ["编号", "设施（项目）名称", "坐落位置", "建成（计划）年月", "投入资金", "其中：财政", "其中：社会"],
        ["A1", "扶贫车间水电改造", "张义镇堡子村村委会院内", "2024年6月", "22.3万元", "20万元", "2.3万元"],
        ["A2", "日间照料中心设施", "黄羊镇长丰村五组", "2024.08", "180,000元", "180,000元", ""],
        ["备注：A2为续建。"],
    ],
    {"扶贫车间水电改造": (22300000, [PUZI]), "日间照料中心设施": (18000000, [CHANGFENG])},
    mapping={
        "设施（项目）名称": "name",
        "坐落位置": "place",
        "投入资金": "total",
        "建成（计划）年月": "planned_end",
    },
)
TABLES = {name: table for name, table in globals().items() if isinstance(table, Table)}


async def try_table(scenario: ProjectScenario, table: Table) -> tuple[dict[str, str], Any]:
    """Import a table; return what is wrong by the name of the project, and the answer."""
    params: dict[str, str | int] = {
        "region": DISTRICT,
        "year": 2024,
        "mapping": json.dumps(table.mapping) if table.mapping else "",
    }
    answer = await scenario.bureau.post("/projects/imports", content=table.build(), params=params)
    if not answer.is_success:
        return dict.fromkeys([*table.truth, *table.asked], answer.text), answer.json()
    job = expect_success(answer)
    rows = expect_success(await scenario.bureau.get(f"/projects/imports/{job['id']}/rows?limit=200"))["items"]
    found = {}
    for row in rows:
        if row["project_id"]:
            project = expect_success(await scenario.bureau.get(f"/projects/{row['project_id']}"))
            places = [place["region"] for place in project["places"]] or [project["region"]]
            found[project["name"]] = (int(project["total"].replace(".", "")), places)
    wrong = {
        name: f"{found.get(name)} for {truth}"
        for name, truth in table.truth.items()
        if found.get(name) != truth
    }
    messages = json.dumps(job["faults"], ensure_ascii=False)
    wrong |= {name: messages for name, words in table.asked.items() if words not in messages or name in found}
    return {name: f"{text} {messages}" for name, text in wrong.items()}, job


async def test_tables_as_counties_publish_them_are_taken_after_one_mapping(scenario: ProjectScenario) -> None:
    wrong: dict[str, dict[str, str]] = {}
    for name, table in TABLES.items():
        found, _ = await try_table(scenario, table)
        if found:
            wrong[name] = found
    total = sum(len(table.truth) + len(table.asked) for table in TABLES.values())
    missed = sum(map(len, wrong.values()))
    assert missed == 0, f"{missed} of {total}: {json.dumps(wrong, ensure_ascii=False, indent=1)}"
