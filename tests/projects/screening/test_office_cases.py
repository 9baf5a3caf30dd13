"""Texts that offices tried: ordinary purchases of a village's body and names of places pass, indirect wording does not.

The second part of each list was written after the rules were changed for the first, and not looked at before.
"""

import pytest

from benchmarks.screening import load_engine
from services.projects.screening.engine import Engine
from services.projects.screening.schemas import ScreeningSubject, Verdict

ORDINARY = [
    ("公车庙村安全饮水巩固提升工程", "铺设供水管道5公里"),
    ("塑像岭村茶园提质", "茶园提质改造300亩"),
    ("冷藏运输车", "村股份经济合作社购置冷藏运输车2辆"),
    ("大型收割机", "村股份经济合作社购买大型收割机3台"),
    ("有机肥", "由村股份经济合作社统一采购有机肥200吨"),
    ("产业园", "建成后由各村股份经济合作社按出资比例共有"),
    ("植保无人机", "黄羊村股份经济联合社购置植保无人机4架"),
    ("青贮收获机", "由村股份经济合作社购置青贮收获机2台, 产权归村集体"),
    ("小车沟村道路硬化", "硬化村组道路3公里"),
    ("轿车岭村人饮工程", "新建蓄水池1座"),
    ("祠堂坪村产业路", "产业路2公里"),
    ("县城至张义镇产业路改造", "改造12公里"),
    ("品牌推介", "制作农产品宣传片, 参加消费帮扶展销"),
    ("护林防火", "购置森林防火皮卡1辆用于护林巡查"),
    ("贷款贴息", "为带动脱贫户的农业龙头企业贷款贴息"),
    ("安置区管网", "易地搬迁安置区雨污管网改造"),
    ("冷库", "由村股份经济合作社出资并运营, 新建冷库500立方米"),
]
FORBIDDEN = [
    ("闲置小学教学楼改造", "改造为镇机关分院，含装修、空调安装", "修建楼堂馆所"),
    ("贷款贴息", "为县内规模以上企业流动资金贷款贴息", "企业担保金和注资企业"),
    ("道路亮化", "高铁新区道路亮化", "城市基础设施建设和大中型基建"),
    ("汇报材料", "委托第三方撰写汇报材料、制作宣传片及画册", "单位基本支出"),
    ("宗祠", "修缮李氏宗祠、村庙", "形象工程和景观"),
    ("皮卡", "购置皮卡2辆用于项目督查", "交通工具及通讯设备"),
    ("绿化", "县城迎宾大道绿化提升3公里", "城市基础设施建设和大中型基建"),
    ("管网", "城区雨污管网改造5公里", "城市基础设施建设和大中型基建"),
    ("立面", "迎检线路沿线房屋立面改造", "形象工程和景观"),
    ("原粮站改造", "将原粮站改建为街道办公及机关食堂", "修建楼堂馆所"),
    ("贴息支持", "对县属国有企业银行贷款利息给予补助", "企业担保金和注资企业"),
    ("路灯", "经开区主干道路灯安装200盏", "城市基础设施建设和大中型基建"),
    ("翻修", "翻修李家祠堂及院墙", "形象工程和景观"),
    ("印制", "印制脱贫成果画册500本、制作专题片一部", "单位基本支出"),
    ("用车", "租赁车辆3台用于乡村振兴督导", "交通工具及通讯设备"),
    ("线路提升", "观摩线路沿线围墙刷白、立面改造", "形象工程和景观"),
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine()


@pytest.mark.parametrize(("name", "content"), ORDINARY)
def test_an_ordinary_text_passes(engine: Engine, name: str, content: str) -> None:
    found = engine.screen_subject(ScreeningSubject(name=name, content=content), [])

    assert found.verdict is Verdict.CLEAR, found.findings


@pytest.mark.parametrize(("name", "content", "item"), FORBIDDEN)
def test_an_indirect_wording_is_blocked_under_its_item(
    engine: Engine, name: str, content: str, item: str
) -> None:
    found = engine.screen_subject(ScreeningSubject(name=name, content=content), [])

    assert found.verdict is Verdict.BLOCK
    assert item in {one.item for one in found.findings if one.severity == "block"}


def test_a_scenic_attraction_is_reviewed(engine: Engine) -> None:
    subject = ScreeningSubject(name="峡谷漂流景区二期", content="售票大厅、玻璃滑道")

    assert engine.screen_subject(subject, []).verdict is Verdict.REVIEW
