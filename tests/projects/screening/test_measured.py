"""The promises of screening, on the records they were made for."""

import time
from functools import cache

import pytest

from benchmarks import screening as measure
from services.projects.screening.engine import Engine
from services.projects.screening.schemas import ScreeningSubject, Verdict


@cache
def judge() -> Engine:
    return measure.engine()


def test_approved_projects_are_seldom_stopped() -> None:
    score = measure.judge_clear(judge(), measure.published())
    assert score.total > 200
    assert score.share(Verdict.BLOCK) <= 0.03
    assert score.share(Verdict.REVIEW) <= 0.10


def test_audit_findings_are_found_under_their_item() -> None:
    score = measure.judge_bad(judge(), measure.violations())
    assert score.total == 15
    assert score.recall >= 0.95, score.wrong


@pytest.mark.parametrize("one", list(measure.FIRST_SEEN))
def test_composed_violations_are_found_under_their_item(one: int) -> None:
    score = measure.judge_bad(judge(), measure.composed((one,)))
    assert score.total >= 40
    assert score.recall >= 0.97, score.wrong


@pytest.mark.parametrize("one", list(measure.FIRST_SEEN))
def test_composed_ordinary_projects_pass(one: int) -> None:
    score = measure.judge_clear(judge(), measure.ordinary((one,)))
    assert score.total >= 30
    assert score.share(Verdict.BLOCK) <= 0.015, score.wrong
    assert score.share(Verdict.REVIEW) <= 0.06, score.wrong


def test_the_measure_tells_a_rule_set_that_finds_nothing() -> None:
    blind = Engine(type(judge().rules)((), judge().rules.words))
    assert measure.judge_bad(blind, measure.violations()).recall == 0


def test_one_screening_costs_less_than_a_millisecond() -> None:
    measure.cost(judge(), 500)
    assert measure.cost(judge(), 2_000) / 2_000 < 0.001


@pytest.mark.parametrize(
    "unit", ["购置车辆", "办公楼", "管理费5%", "村委会", "手机", "景观", "广场", "，债务，", "补助", "("]
)
def test_a_long_text_made_to_be_slow_is_not(unit: str) -> None:
    subject = ScreeningSubject(name="x", content=(unit * 20_000)[:20_000])
    judge().screen(subject)
    begin = time.process_time()
    judge().screen(subject)
    assert time.process_time() - begin < 2
