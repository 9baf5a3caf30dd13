"""Screening of arbitrary texts: always an answer, exact positions, and the same result for different spellings."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import screening as measure
from services.projects.screening.engine import Engine
from services.projects.screening.lexicon import fold_text
from services.projects.screening.schemas import Screening, ScreeningSubject
from services.projects.screening.service import load_built_in_rules

ENGINE = Engine(load_built_in_rules().select_in_force(measure.RULES_DATE))
LEXICON_WORDS = sorted({word for words in load_built_in_rules().words.values() for word in words})
ODD_FRAGMENTS = [
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
TEXT_STRATEGY = st.lists(
    st.sampled_from(LEXICON_WORDS) | st.sampled_from(ODD_FRAGMENTS) | st.text(max_size=6), max_size=40
).map("".join)
TRIMMED_STRATEGY = TEXT_STRATEGY.map(str.strip).filter(bool)
"""Texts as they are stored: without white space at both ends, not empty."""


def screen_text(name: str, content: str = "", **fields: object) -> Screening:
    return ENGINE.screen_subject(
        ScreeningSubject.model_validate({"name": name, "content": content, **fields})
    )


@settings(max_examples=150, deadline=None)
@given(
    name=TRIMMED_STRATEGY.map(lambda text: text[:500].strip()),
    content=TEXT_STRATEGY.map(str.strip),
    cost=TRIMMED_STRATEGY.map(lambda text: text[:200].strip()),
)
def test_every_match_has_exact_offsets(name: str, content: str, cost: str) -> None:
    cost_items = [{"name": cost, "amount": "1.00"}]
    fields = {"name": name, "content": content, "cost_items.0": cost}
    for finding in screen_text(name, content, cost_items=cost_items).findings:
        assert finding.explanation
        assert "{hit}" not in finding.explanation
        for match in finding.matches:
            assert match.text
            assert fields[match.field][match.start : match.end] == match.text


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=200))
def test_every_folded_character_has_its_original_offset(text: str) -> None:
    folded = fold_text("name", text)
    assert len(folded.text) == len(folded.origin)
    assert folded.origin == sorted(folded.origin)
    for at in range(len(folded.text)):
        start, end = folded.get_original_span(at, at + 1)
        assert 0 <= start < end <= len(text)


def _insert_spaces(text: str) -> str:
    return " ".join(text)


def _insert_line_breaks(text: str) -> str:
    return "\n".join(text[at : at + 5] for at in range(0, len(text), 5))


def _to_full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if char.isascii() and char.isalnum() else char for char in text)


def _to_traditional(text: str) -> str:
    return text.translate(
        str.maketrans("车辆楼务债偿还奖补发购买设备办会议场广", "車輛樓務債償還獎補發購買設備辦會議場廣")
    )


def _insert_quotes(text: str) -> str:
    return text.replace("办公", "“办公”").replace("公务", "《公务》")


@pytest.mark.parametrize(
    "written", [_insert_spaces, _insert_line_breaks, _to_full_width, _to_traditional, _insert_quotes]
)
def test_spelling_variants_do_not_change_the_result(written: Callable[[str], str]) -> None:
    texts = [
        *measure.list_composed_violations(),
        *((None, sample) for sample in measure.list_composed_ordinary()),
    ]
    for _, text in random.Random(5).sample(texts, 150):
        plain = {finding.rule for finding in screen_text(text.name, text.content).findings}
        other = {finding.rule for finding in screen_text(written(text.name), written(text.content)).findings}
        assert other == plain, text.name


def test_long_ordinary_content_neither_hides_nor_adds_findings() -> None:
    sentences = [f"{sample.content}。" for sample in measure.list_composed_ordinary() if sample.content][:400]
    sentences = [text for text in sentences if not screen_text("项目", text).findings]
    assert len("".join(sentences)) > 3_000
    assert not screen_text("综合项目", "".join(sentences)).findings
    sentences.insert(len(sentences) // 2, "另购置公务用车1辆。")
    assert {finding.item for finding in screen_text("综合项目", "".join(sentences)).findings} == {
        "交通工具及通讯设备"
    }


def test_only_the_name_is_required() -> None:
    for name in ("款", "。", "费", "0", "…", "、、、"):
        assert screen_text(name).findings == []
