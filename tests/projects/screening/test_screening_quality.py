"""Measured quality and speed of screening on its reference records."""

import time
from functools import cache

import pytest

from benchmarks import screening as measure
from services.projects.screening.engine import Engine
from services.projects.screening.schemas import ScreeningSubject, Verdict


@cache
def build_engine() -> Engine:
    return measure.load_engine()


def test_approved_projects_are_seldom_stopped() -> None:
    score = measure.score_clear(build_engine(), measure.list_published())
    assert score.total > 200
    assert score.share(Verdict.BLOCK) <= 0.03
    assert score.share(Verdict.REVIEW) <= 0.10


def test_audit_findings_are_found_under_their_item() -> None:
    score = measure.score_violations(build_engine(), measure.list_violations())
    assert score.total == 15
    assert score.recall >= 0.95, score.mistakes


@pytest.mark.parametrize("seed", list(measure.FIRST_RESULTS))
def test_composed_violations_are_found_under_their_item(seed: int) -> None:
    score = measure.score_violations(build_engine(), measure.list_composed_violations((seed,)))
    assert score.total >= 40
    assert score.recall >= 0.97, score.mistakes


@pytest.mark.parametrize("seed", list(measure.FIRST_RESULTS))
def test_composed_ordinary_projects_pass(seed: int) -> None:
    score = measure.score_clear(build_engine(), measure.list_composed_ordinary((seed,)))
    assert score.total >= 30
    assert score.share(Verdict.BLOCK) <= 0.015, score.mistakes
    assert score.share(Verdict.REVIEW) <= 0.06, score.mistakes


def test_the_measure_detects_an_ineffective_rule_set() -> None:
    blind = Engine(type(build_engine().rules)((), build_engine().rules.words))
    assert measure.score_violations(blind, measure.list_violations()).recall == 0


def test_one_screening_costs_less_than_a_millisecond() -> None:
    measure.measure_cpu_s(build_engine(), 500)
    assert measure.measure_cpu_s(build_engine(), 2_000) / 2_000 < 0.001


@pytest.mark.parametrize(
    "unit", ["购置车辆", "办公楼", "管理费5%", "村委会", "手机", "景观", "广场", "，债务，", "补助", "("]
)
def test_an_adversarial_long_text_is_screened_quickly(unit: str) -> None:
    subject = ScreeningSubject(name="x", content=(unit * 20_000)[:20_000])
    build_engine().screen_subject(subject)
    begin = time.process_time()
    build_engine().screen_subject(subject)
    assert time.process_time() - begin < 2
