"""Duplicate detection."""

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


def build_subject(**changes: Any) -> ScreeningSubject:
    values = {
        "name": "黄羊镇大墩村产业路硬化项目",
        "content": "硬化产业路3.2公里, 宽4.5米, C25混凝土厚18厘米, 配套涵管12道",
        "region": VILLAGE,
        "year": 2024,
        "amount": "1280000.00",
    }
    return ScreeningSubject.model_validate(values | changes)


def test_a_paraphrased_project_is_reported_as_duplicate() -> None:
    again = build_subject(
        name="2025年大墩村产业路硬化工程",
        content="产业路硬化3.2公里,宽4.5米,混凝土厚18厘米,涵管12道",
        year=2025,
    )
    (finding,) = find_duplicates(again, [build_subject()])
    assert finding.family == "duplicate"
    assert "2024年" in finding.explanation
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
def test_different_place_time_or_content_is_not_a_duplicate(other: dict[str, Any]) -> None:
    assert compute_similarity(build_subject(), build_subject(**other)) < SIMILARITY_THRESHOLD


def test_a_town_project_may_duplicate_a_village_project() -> None:
    assert compute_similarity(build_subject(), build_subject(region=TOWN)) >= SIMILARITY_THRESHOLD


def test_similar_projects_share_a_lookup_key_within_the_bounds() -> None:
    again = build_subject(name="大墩村产业路硬化", year=2025)
    keys = compute_duplicate_keys(again)
    assert set(keys.keys) & set(compute_duplicate_keys(build_subject()).keys)
    assert (keys.region_low, keys.region_high) == ("620602100000", "620602100999")
    assert 2024 in keys.years
