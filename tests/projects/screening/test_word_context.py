"""The same words in different contexts."""

from datetime import date

import pytest

from services.projects.screening.engine import Engine
from services.projects.screening.schemas import Screening, ScreeningSubject, Severity, Verdict
from services.projects.screening.service import load_built_in_rules

ENGINE = Engine(load_built_in_rules().select_in_force(date(2024, 5, 20)))
ITEM_BUILDINGS, ITEM_VEHICLES, ITEM_DEBTS = "修建楼堂馆所", "交通工具及通讯设备", "偿还债务和垫资"


def screen_text(name: str, content: str = "", **fields: object) -> Screening:
    return ENGINE.screen_subject(
        ScreeningSubject.model_validate({"name": name, "content": content, **fields})
    )


@pytest.mark.parametrize(
    ("harmless", "harmful", "item"),
    [
        ("拆除旧办公楼改建扶贫车间", "修建村委会办公楼", ITEM_BUILDINGS),
        ("肉牛养殖场建设, 不含车辆购置", "购置公务车", ITEM_VEHICLES),
        ("蔬菜大棚建设", "新建镇政府办公大楼", ITEM_BUILDINGS),
        ("小额信贷贴息", "偿还村级债务", ITEM_DEBTS),
        ("文化广场配套水渠", "新建文化广场并安装雕塑", "形象工程和景观"),
        ("利用闲置村委会改建粮食加工坊", "利用闲置小学改建村委会办公室", ITEM_BUILDINGS),
        ("办公楼后山滑坡治理", "办公楼后院绿化及办公楼维修", ITEM_BUILDINGS),
        ("村委会至三社通组路硬化", "村委会维修改造", ITEM_BUILDINGS),
        ("手机配件组装帮扶车间", "为村干部配备手机", ITEM_VEHICLES),
        ("购置冷藏运输车2辆", "购置越野车2辆供干部下乡", ITEM_VEHICLES),
        ("公益性岗位补贴", "村干部岗位补贴", "各种奖金津贴和福利补助"),
        ("对经营主体贷款给予贴息", "为企业提供贷款担保金", "企业担保金和注资企业"),
        ("红旗水库除险加固", "购买红旗牌轿车", ITEM_VEHICLES),
        ("项目管理费按不超过1%计提", "项目管理费按5%计提", "项目管理费超比例(大额管理费)"),
        ("讲解村级债务化解政策的会计培训", "村级债务化解", ITEM_DEBTS),
    ],
)
def test_words_are_judged_in_their_context(harmless: str, harmful: str, item: str) -> None:
    assert screen_text(harmless).verdict is Verdict.CLEAR
    assert item in {finding.item for finding in screen_text(harmful).findings}


def test_a_match_refers_to_the_original_text() -> None:
    subject = ScreeningSubject(name="村务提升", content="拟 修建 「村委會 辦公 樓」一栋;另购 公 务 车 1辆。")
    screening = ENGINE.screen_subject(subject)
    assert {finding.item for finding in screening.findings} >= {ITEM_BUILDINGS, ITEM_VEHICLES}
    for finding in screening.findings:
        for match in finding.matches:
            assert getattr(subject, match.field)[match.start : match.end] == match.text


def test_a_cost_item_is_read_too_and_named_by_its_number() -> None:
    answer = screen_text(
        "养殖基地", cost_items=[{"name": "圈舍", "amount": "1.00"}, {"name": "公务用车", "amount": "1.00"}]
    )
    assert [match.field for match in answer.findings[0].matches] == ["cost_items.1"]


def test_every_finding_has_basis_explanation_and_advice() -> None:
    for name in ("修建办公楼", "购置公务车", "偿还债务", "发放干部奖金", "打造景观雕塑", "单位办公经费"):
        for finding in screen_text(name).findings:
            assert finding.basis.startswith("《")
            assert finding.matches[0].text in finding.explanation
            assert finding.advice
            assert finding.rule_version >= 1


def test_a_block_outweighs_a_review_and_comes_first() -> None:
    answer = screen_text("购置公务车并打造花海")
    assert answer.verdict is Verdict.BLOCK
    assert [finding.severity for finding in answer.findings] == sorted(
        (finding.severity for finding in answer.findings), key=lambda severity: severity is not Severity.BLOCK
    )


def test_readiness_is_screened_only_when_a_readiness_field_is_sent() -> None:
    assert screen_text("肉羊养殖基地", category="1.1").verdict is Verdict.CLEAR
    screening = screen_text("肉羊养殖基地", category="1.1", land="redline", design=None)
    assert {finding.family for finding in screening.findings} == {"readiness"}
    assert screening.verdict is Verdict.BLOCK


def test_a_sentence_elsewhere_does_not_excuse_a_block() -> None:
    assert screen_text("修建村委会办公楼", "另外种植苹果300亩。本项目不得购置车辆。").verdict is Verdict.BLOCK


def test_a_prohibition_reaches_over_commas_but_not_over_quantities() -> None:
    assert screen_text("养殖基地", "严禁用于办公经费,公务接待,发放干部津贴").verdict is Verdict.CLEAR
    assert screen_text("养殖基地", "严禁浪费,购置公务车2辆").verdict is Verdict.BLOCK


def test_screening_is_deterministic() -> None:
    assert screen_text("修建办公楼", "购置车辆") == screen_text("修建办公楼", "购置车辆")
