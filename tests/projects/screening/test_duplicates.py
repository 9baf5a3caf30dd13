"""Is it the same project again?"""

from typing import Any

import pytest

from services.projects.screening.duplicates import (
    SIMILARITY_THRESHOLD,
    compute_duplicate_keys,
    compute_similarity,
    find_duplicates,
)
from services.projects.screening.schemas import ScreeningSubject

VILLAGE, SISTER_VILLAGE, TOWN = "620602100201", "620602100202", "620602100000"


def build_subject(**more: Any) -> ScreeningSubject:
    given = {
        "name": "黄羊镇大墩村产业路硬化项目",
        "content": "硬化产业路3.2公里, 宽4.5米, C25混凝土厚18厘米, 配套涵管12道",
        "region": VILLAGE,
        "year": 2024,
        "amount": "1280000.00",
    }
    return ScreeningSubject.model_validate(given | more)


def test_the_same_project_in_other_words_is_shown() -> None:
    again = build_subject(
        name="2025年大墩村产业路硬化工程",
        content="产业路硬化3.2公里,宽4.5米,混凝土厚18厘米,涵管12道",
        year=2025,
    )
    (found,) = find_duplicates(again, [build_subject()])
    assert found.family == "duplicate"
    assert "2024年" in found.explanation
    assert compute_similarity(build_subject(), again) == pytest.approx(
        compute_similarity(again, build_subject())
    )


@pytest.mark.parametrize(
    "other",
    [
        {"region": SISTER_VILLAGE},
        {"year": 2027},
        {"name": "大墩村人畜饮水工程", "content": "铺设供水管道6.4公里, 建阀门井22座"},
        {"content": "硬化产业路9.6公里, 宽6米, 新建桥梁2座, 挡墙400米"},
    ],
)
def test_another_place_time_or_content_is_another_project(other: dict[str, Any]) -> None:
    assert compute_similarity(build_subject(), build_subject(**other)) < SIMILARITY_THRESHOLD


def test_a_towns_project_may_be_a_villages() -> None:
    assert compute_similarity(build_subject(), build_subject(region=TOWN)) >= SIMILARITY_THRESHOLD


def test_what_is_alike_shares_a_key_and_lies_within_the_bounds() -> None:
    again = build_subject(name="大墩村产业路硬化", year=2025)
    asked = compute_duplicate_keys(again)
    assert set(asked.keys) & set(compute_duplicate_keys(build_subject()).keys)
    assert (asked.region_low, asked.region_high) == ("620602100000", "620602100999")
    assert 2024 in asked.years
