"""Names of villages and towns as people write them, against whole region files."""

import csv
from pathlib import Path

import pytest

from shared.china import PlaceNames

REGION_FILES = Path(__file__).parent.parent.parent / "services" / "identity" / "data"


def load_names(district: str) -> PlaceNames:
    with (REGION_FILES / f"regions-{district}.csv").open(encoding="utf-8-sig") as file:
        return PlaceNames(f"{district}000000", {row["code"]: row["name"] for row in csv.DictReader(file)})


LIANGZHOU = load_names("620602")
OFFICIAL = PlaceNames(
    "620602000000",
    {
        "620602000000": "凉州区",
        "620602100000": "黄羊镇",
        "620602100024": "丙丁社区居民委员会",
        "620602100224": "甲子村村民委员会",
    },
)


@pytest.mark.parametrize(
    "written",
    ["甲子村", "甲子", "甲子村委会", "甲子村民委员会", "甲子村村民委员会", "甲 子\n村", "黄羊镇甲子村三组"],
)
def test_a_village_named_the_official_way_is_found_as_people_write_it(written: str) -> None:
    assert OFFICIAL.resolve("黄羊镇", written).codes == ("620602100224",)
    assert OFFICIAL.resolve("", "", [f"黄羊镇{written.removeprefix('黄羊镇')}"]).codes == ("620602100224",)


@pytest.mark.parametrize("written", ["丙丁社区", "丙丁", "丙丁社区居委会", "丙丁居委会"])
def test_a_community_is_found_as_people_write_it(written: str) -> None:
    assert OFFICIAL.resolve("黄羊", written).codes == ("620602100024",)


@pytest.mark.parametrize("district", ["430511", "511703", "620602", "632323"])
def test_every_place_of_a_county_is_found_by_its_names_in_use(district: str) -> None:
    names = load_names(district)
    for code, name in names.villages.items():
        town = names.towns[f"{code[:9]}000"]
        stem = name
        for ending in ("村民委员会", "居民委员会", "村（居）委会", "村民委会", "村委会", "居委会"):
            stem = stem.removesuffix(ending)
        whole = stem if stem.endswith(("村", "社区")) else f"{stem}{'社区' if '居' in name else '村'}"
        for written in (
            name,
            whole,
            f"{whole}{'居委会' if whole.endswith('社区') else '委会'}",
            f"{town}{whole}",
        ):
            assert names.resolve(town, written).codes == (code,), (town, written, name)
        assert names.resolve("", "", [f"{town}{whole}二组"]).codes == (code,), (town, whole)


@pytest.mark.parametrize(
    ("town", "village", "codes"),
    [
        ("黄羊镇", "广场村、横沟村", ("620602100201", "620602100202")),
        ("黄羊镇", "广场村和横沟村", ("620602100201", "620602100202")),
        ("黄羊镇", "土塔 长丰 三河", ("620602100203", "620602100204", "620602100205")),
        ("武南镇", "花盛、青石、元湖等3个村", ("620602101201", "620602101202", "620602101203")),
        ("黄羊镇、武南镇", "", ("620602100000", "620602101000")),
        ("黄羊镇", "各村", ("620602100000",)),
        ("全区", "", ("620602000000",)),
        ("凉州区", "各镇", ("620602000000",)),
        ("九墩滩指挥部", "", ("620602400000",)),
    ],
)
def test_several_villages_and_whole_towns(town: str, village: str, codes: tuple[str, ...]) -> None:
    assert LIANGZHOU.resolve(town, village).codes == codes


@pytest.mark.parametrize(
    ("town", "village", "candidates"),
    [
        ("黄羊镇", "广场", {"620602100006", "620602100201"}),
        ("黄羊镇", "横勾村", {"620602100202"}),
        ("黄羊镇", "渠中等3个村", {"620602100206"}),
        ("", "中沟村", {"620602103208", "620602119204"}),
        ("武南镇", "横沟村", {"620602100202"}),
        ("黄羊乡", "横沟村", {"620602100202"}),
        ("黄羊镇", "月亮湾村", {"620602100000"}),
    ],
)
def test_what_is_not_certain_is_asked_with_candidates(town: str, village: str, candidates: set[str]) -> None:
    answer = LIANGZHOU.resolve(town, village)
    assert (answer.codes, set(answer.candidates)) == ((), candidates)
    assert answer.question


def test_a_village_in_running_text_that_is_not_listed_does_not_become_its_town() -> None:
    answer = LIANGZHOU.resolve("", "", ["黄羊镇月亮湾村三组"])
    assert answer.codes == ()
    assert "月亮湾" in answer.question


def test_a_merged_or_renamed_place_is_what_it_is_today_and_noted() -> None:
    names = PlaceNames(
        "620602000000",
        {"620602100000": "黄羊镇", "620602100200": "黄羊村委会", "620602100201": "广场村委会"},
        {"620602100201": ["中心村委会"]},
        {"620602100200": "620602100201"},
    )
    merged, renamed = names.resolve("黄羊镇", "黄羊村"), names.resolve("", "", ["黄羊镇中心村"])

    assert merged.codes == renamed.codes == ("620602100201",)
    assert (merged.former, merged.notes) == (("620602100200",), ("黄羊村委会今为黄羊镇广场村委会",))
    assert (renamed.former, renamed.notes) == (("620602100201",), ("中心村委会今为黄羊镇广场村委会",))
    assert names.resolve("黄羊镇", "广场村").notes == ()


def test_a_sheet_or_a_heading_names_a_town() -> None:
    assert [LIANGZHOU.find_town(text) for text in ("清源", "双城镇（定稿）", "永昌镇 ", "汇总")] == [
        "清源镇",
        "双城镇",
        "永昌镇",
        "",
    ]
