"""Is it the same project again?"""

from typing import Any

import pytest

from services.projects.screening.duplicates import ALIKE, duplicate_keys, findings, similarity
from services.projects.screening.schemas import ScreeningSubject

VILLAGE, SISTER, TOWN = "620602100201", "620602100202", "620602100000"


def project(**more: Any) -> ScreeningSubject:
    given = {
        "name": "黄羊镇大墩村产业路硬化项目",
        "content": "硬化产业路3.2公里, 宽4.5米, C25混凝土厚18厘米, 配套涵管12道",
        "region": VILLAGE,
        "year": 2024,
        "amount": "1280000.00",
    }
    return ScreeningSubject.model_validate(given | more)


def test_the_same_project_in_other_words_is_shown() -> None:
    again = project(
        name="2025年大墩村产业路硬化工程",
        content="产业路硬化3.2公里,宽4.5米,混凝土厚18厘米,涵管12道",
        year=2025,
    )
    (found,) = findings(again, [project()])
    assert found.family == "duplicate"
    assert "2024年" in found.explanation
    assert similarity(project(), again) == pytest.approx(similarity(again, project()))


@pytest.mark.parametrize(
    "other",
    [
        {"region": SISTER},
        {"year": 2027},
        {"name": "大墩村人畜饮水工程", "content": "铺设供水管道6.4公里, 建阀门井22座"},
        {"content": "硬化产业路9.6公里, 宽6米, 新建桥梁2座, 挡墙400米"},
    ],
)
def test_another_place_time_or_content_is_another_project(other: dict[str, Any]) -> None:
    assert similarity(project(), project(**other)) < ALIKE


def test_a_towns_project_may_be_a_villages() -> None:
    assert similarity(project(), project(region=TOWN)) >= ALIKE


def test_what_is_alike_shares_a_key_and_lies_within_the_bounds() -> None:
    again = project(name="大墩村产业路硬化", year=2025)
    asked = duplicate_keys(again)
    assert set(asked.keys) & set(duplicate_keys(project()).keys)
    assert (asked.region_low, asked.region_high) == ("620602100000", "620602100999")
    assert 2024 in asked.years
