"""Ten tables in the way of counties, with heads, units and merges of their own: every row is read after one mapping."""

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from services.assets.ledgers.schemas import LEDGER_COLUMNS
from services.funds.payments.beneficiaries import BENEFICIARY_COLUMNS
from services.funds.payments.importer import PAYMENT_COLUMNS
from services.funds.plans.importer import TABLE_COLUMNS
from services.funds.sources.importer import SOURCE_COLUMNS
from services.funds.statements.service import STATEMENT_COLUMNS, read_amounts
from shared.china.national_ids import id_card_check_character
from shared.spreadsheets import Sheet, read_sheet

RULES = Path(__file__).parent.parent.parent / "services"
ROWS = range(20)
Rows = list[list[Any]]
COLUMNS = {
    "statements": (STATEMENT_COLUMNS, ("happened_on",)),
    "beneficiaries": (BENEFICIARY_COLUMNS, ("name", "card")),
    "sources": (SOURCE_COLUMNS, ("document_no",)),
    "payments": (PAYMENT_COLUMNS, ("project", "payee")),
    "plans": (TABLE_COLUMNS, ("name",)),
    "assets": (LEDGER_COLUMNS, ("name",)),
}


def build_id_card(n: int) -> str:
    number = f"62060219{60 + n % 30}0{1 + n % 9}1{n % 10}{n:03d}"[:17]
    return number + id_card_check_character(number)


def read(kind: str, rows: Rows, merges: str, mapping: dict[str, str]) -> Sheet:
    book = openpyxl.Workbook()
    page = book.active
    for row in rows:
        page.append(row)
    for merge in merges.split():
        page.merge_cells(merge)
    target = io.BytesIO()
    book.save(target)
    columns, identity = COLUMNS[kind]
    service = "assets" if kind == "assets" else "funds"
    rules = json.loads((RULES / service / "rules" / "imports.json").read_text("utf-8"))
    words = next(rule["value"] for rule in rules if rule["key"] == f"import.heads.{kind}")
    sheet = read_sheet(target.getvalue(), columns, words=words, mapping=mapping, identity=identity)
    if kind == "statements":
        read_amounts(sheet)
    return sheet


BANK: Rows = [
    ["某某农村商业银行单位账户对账单"],
    ["户名：示例县财政局", "", "", "", "账号：270200001"],
    ["记账日期", "交易摘要", "发生额", None, "账户余额", "交易对手"],
    [None, None, "借方", "贷方", None, None],
    *(
        [f"2024-05-{1 + n:02d} 10:0{n % 10}:11", f"工程款{n}", 100 + n, None, 9000 - n, f"公司{n}"]
        for n in ROWS
    ),
    ["合计", None, sum(100 + n for n in ROWS), None, None, None],
    ["柜员：001　打印日期：2024-06-01"],
]
QUOTA: Rows = [
    ["财政授权支付额度对账单"],
    ["序号", "业务日期", "支付令编号", "收款单位", "支出额(元)", "款项用途"],
    *(
        [n + 1, f"2024.5.{1 + n}", f"SQ{n:05d}", f"示例乡合作社{n}", f"{1000 + n:,}.50", "衔接资金"]
        for n in ROWS
    ),
    ["", "", "", "合 计", sum(1000.5 + n for n in ROWS), ""],
]
REMITTANCES: Rows = [
    ["专项资金拨付台账"],
    ["单位：万元"],
    ["拨付时间", "凭证字号", "拨入单位", "拨付数", "备注"],
    *([f"2024年{1 + n % 12}月{1 + n}日", f"记-{n}", "示例镇人民政府", 10.5 + n, "一期"] for n in ROWS),
]
TRAVEL: Rows = [
    ["某县2024年脱贫劳动力外出务工一次性交通补助发放花名册"],
    ["乡镇：示例镇", None, None, None, "单位：元"],
    ["序号", "务工人员基本信息", None, None, "补助标准", "发放金额", "社保卡信息", None, "签字"],
    [None, "姓名", "身份证号码", "家庭住址（村组）", None, None, "开户行", "账号", None],
    *(
        [n + 1, f"样{n}", build_id_card(n), "示例村1组", 600, 600, "农商行", f"62170000001{n:08d}", None]
        for n in ROWS
    ),
    ["合计", None, None, None, None, 600 * len(ROWS), None, None, None],
    ["填表人：", "", "审核人："],
]
PUPILS: Rows = [
    ["雨露计划职业教育补助发放明细表（公示版）"],
    ["村名", "学生姓名", "学生身份证号", "就读院校", "监护人", "一卡通持卡人账号", "补助金额（元）"],
    *(
        ["示例村", f"例{n}", build_id_card(n), "示例职校", f"家长{n}", f"62170000002{n:08d}", 1500]
        for n in ROWS
    ),
    ["小计", "", "", "", "", "", 1500 * len(ROWS)],
]


def build_farmers() -> Rows:
    rows: Rows = [
        ["到户产业奖补资金兑付表"],
        ["序号", "户主", "身份证", "种养情况", None, None, "奖补资金(元)", "银行卡号"],
        [None, None, None, "牛(头)", "羊(只)", "菌菇(棚)", None, None],
    ]
    for village, numbers in (("一、示例一村", ROWS[:10]), ("二、示例二村", ROWS[10:])):
        rows.append([village, *[None] * 7])
        for n in numbers:
            account = f"6217 0000 0030 0000 {n:03d}"
            rows.append([n + 1, f"户{n}", build_id_card(n), 2, 10, None, f"{2000 + n}元", account])
        rows.append(["小计", None, None, None, None, None, sum(2000 + n for n in numbers), None])
    return rows


RECEIPTS: Rows = [
    ["某县2024年财政衔接推进乡村振兴补助资金到位情况统计表"],
    ["单位：万元"],
    ["序号", "资金名称", "资金级次", "文件号", "文件下达时间", "到位资金额度", "其中", None],
    [None, None, None, None, None, None, "产业", "基建"],
    *(
        [
            n + 1,
            "衔接资金",
            ("中央", "省级", "市级", "县级")[n % 4],
            f"示财农〔2024〕{n}号",
            "2024.3.15",
            100 + n,
            60,
            40 + n,
        ]
        for n in ROWS
    ),
    ["合计", None, None, None, None, sum(100 + n for n in ROWS), 60 * len(ROWS), None],
]
CLAIMS: Rows = [
    ["衔接资金项目报账支付汇总表"],
    ["项目名称", "施工(供货)单位", "合同价", "本次报账金额", "收款账户", "开户行", "支付方式", "备注"],
    *(
        [
            f"示例村道路{n}",
            f"示例公司{n}",
            500000,
            f"{100000 + n}",
            f"2702000000000{n:04d}",
            "农商行",
            "直接支付",
            "进度款",
        ]
        for n in ROWS
    ),
    ["总计", None, 500000 * len(ROWS), sum(100000 + n for n in ROWS), None, None, None, None],
]
PLAN: Rows = [
    ["某县2024年第二批衔接资金项目安排表"],
    ["单位：万元"],
    ["序号", "乡镇", "项目名称", "建设规模与内容", "项目总投资", "资金安排", None, None, "实施单位"],
    [None, None, None, None, None, "合计", "中央", "省级", None],
    ["一", "产业发展", None, None, None, sum(50 + n for n in ROWS), None, None, None],
    *(
        [n + 1, "示例镇", f"项目{n}", f"新建大棚{n}座", 60 + n, 50 + n, 30, 20 + n, "示例镇政府"]
        for n in ROWS
    ),
]
LEDGER: Rows = [
    ["某乡扶贫项目资产登记明细表"],
    [
        "编号",
        "资产名称及规格",
        "资产类别",
        "坐落地点",
        None,
        "资产原值(元)",
        "形成时间",
        "权属",
        "后续管护",
        None,
    ],
    [None, None, None, "乡镇", "村", None, None, None, "责任单位", "责任人"],
    *(
        [
            f"ZC{n}",
            f"蓄水池{n}号",
            "公益性",
            "示例镇",
            "示例村",
            f"{12000 + n}.00",
            f"{2016 + n % 8}年",
            "示例村合作社",
            "村委会",
            "管",
        ]
        for n in ROWS
    ),
]


@pytest.mark.parametrize(
    ("kind", "rows", "merges", "mapping"),
    [
        ("statements", BANK, "C3:D3 A3:A4 B3:B4 E3:E4 F3:F4", {}),
        ("statements", QUOTA, "", {"支付令编号": "voucher_no", "支出额(元)": "amount"}),
        (
            "statements",
            REMITTANCES,
            "",
            {"拨付时间": "happened_on", "凭证字号": "voucher_no", "拨入单位": "payee", "拨付数": "amount"},
        ),
        ("beneficiaries", TRAVEL, "B3:D3 G3:H3 A3:A4 E3:E4 F3:F4", {}),
        ("beneficiaries", PUPILS, "", {"学生身份证号": "card", "一卡通持卡人账号": "account"}),
        ("beneficiaries", build_farmers(), "D2:F2 A2:A3 B2:B3 C2:C3 G2:G3 H2:H3", {}),
        (
            "sources",
            RECEIPTS,
            "G3:H3 A3:A4 B3:B4 C3:C4 D3:D4 E3:E4 F3:F4",
            {"文件下达时间": "document_date", "到位资金额度": "amount"},
        ),
        ("payments", CLAIMS, "", {"施工(供货)单位": "payee", "本次报账金额": "amount"}),
        ("plans", PLAN, "F3:H3 A3:A4 B3:B4 C3:C4 D3:D4 E3:E4 I3:I4", {"资金安排 合计": "amount"}),
        ("assets", LEDGER, "D2:E2 I2:J2", {"资产名称及规格": "name"}),
    ],
)
def test_every_row_is_read_and_every_sum_agrees(
    kind: str, rows: Rows, merges: str, mapping: dict[str, str]
) -> None:
    sheet = read(kind, rows, merges, mapping)
    assert sheet.errors == []
    assert len(sheet.rows) == len(ROWS)
    assert all(check.agrees for check in sheet.checks)
