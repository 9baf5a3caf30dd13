"""Whatever is written: an answer comes, its positions are exact, and how it is written changes nothing."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import screening as measure
from services.projects.screening.engine import Engine
from services.projects.screening.schemas import Screening, ScreeningSubject
from services.projects.screening.service import built_in
from services.projects.screening.text import fold

ENGINE = Engine(built_in().on(measure.DAY))
WORDS = sorted({word for words in built_in().words.values() for word in words})
ODD = [
    " ",
    "\u3000",
    "\n",
    "\t",
    "“",
    "”",
    "(",
    ")",
    "(",
    ")",
    "、",
    ",",
    "。",
    ".",
    "5%",
    "120%",
    "３.５%",
    "\u200b",
    "①",
    "🚜",
    "樓",
    "車",
]
TEXT = st.lists(st.sampled_from(WORDS) | st.sampled_from(ODD) | st.text(max_size=6), max_size=40).map("".join)


def found(name: str, content: str = "", **more: object) -> Screening:
    return ENGINE.screen(ScreeningSubject.model_validate({"name": name, "content": content, **more}))


@settings(max_examples=150, deadline=None)
@given(name=TEXT.filter(bool).map(lambda text: text[:500]), content=TEXT, cost=TEXT.filter(bool))
def test_every_match_is_what_stands_there(name: str, content: str, cost: str) -> None:
    asked = {"cost_items": [{"name": cost[:200], "amount": "1.00"}]}
    fields = {"name": name, "content": content, "cost_items.0": cost[:200]}
    for one in found(name, content, **asked).findings:
        assert one.explanation
        assert "{hit}" not in one.explanation
        for match in one.matches:
            assert match.text
            assert fields[match.field][match.start : match.end] == match.text


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=200))
def test_every_folded_character_knows_where_it_stood(text: str) -> None:
    folded = fold("name", text)
    assert len(folded.text) == len(folded.origin)
    assert folded.origin == sorted(folded.origin)
    for at in range(len(folded.text)):
        start, end = folded.span(at, at + 1)
        assert 0 <= start < end <= len(text)


def _spaced(text: str) -> str:
    return " ".join(text)


def _broken(text: str) -> str:
    return "\n".join(text[at : at + 5] for at in range(0, len(text), 5))


def _wide(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if char.isascii() and char.isalnum() else char for char in text)


def _traditional(text: str) -> str:
    return text.translate(
        str.maketrans("车辆楼务债偿还奖补发购买设备办会议场广", "車輛樓務債償還獎補發購買設備辦會議場廣")
    )


def _quoted(text: str) -> str:
    return text.replace("办公", "“办公”").replace("公务", "《公务》")


@pytest.mark.parametrize("written", [_spaced, _broken, _wide, _traditional, _quoted])
def test_how_a_text_is_written_does_not_change_what_it_means(written: Callable[[str], str]) -> None:
    texts = [*measure.composed(), *((None, one) for one in measure.ordinary())]
    for _, text in random.Random(5).sample(texts, 150):
        plain = {one.rule for one in found(text.name, text.content).findings}
        other = {one.rule for one in found(written(text.name), written(text.content)).findings}
        assert other == plain, text.name


def test_a_long_ordinary_content_hides_nothing_and_adds_nothing() -> None:
    told = [f"{one.content}。" for one in measure.ordinary() if one.content][:400]
    told = [text for text in told if not found("项目", text).findings]
    assert len("".join(told)) > 3_000
    assert not found("综合项目", "".join(told)).findings
    told.insert(len(told) // 2, "另购置公务用车1辆。")
    assert {one.item for one in found("综合项目", "".join(told)).findings} == {"交通工具及通讯设备"}


def test_nothing_but_a_name_is_needed() -> None:
    for name in ("款", "。", "  ", "费", "0", "…", "、、、"):
        assert found(name).findings == []
