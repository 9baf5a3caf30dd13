"""Every cheat is asked about, hardly any honest day is, and nobody is punished by a machine."""

import random
from datetime import timedelta
from uuid import UUID

import pytest

from services.attendance.reviews.calculation import find_anomalies
from services.attendance.reviews.schemas import AnomalyKind
from tests.attendance.location_traces import (
    EVIDENCE_RULES,
    FIRST_DAY,
    HONEST_KINDS,
    build_cheats,
    build_instant,
    build_trace,
    count_false_alarms,
    first_detection_day,
    format_report,
    random_point_near,
)


@pytest.mark.parametrize("kind", HONEST_KINDS)
def test_fewer_than_two_in_a_hundred_honest_days_are_asked_about(kind: str) -> None:
    asked, days = count_false_alarms(kind)
    assert asked / days < 0.02


@pytest.mark.parametrize("name", list(build_cheats()))
def test_every_cheat_is_asked_about(name: str) -> None:
    traces, kind = build_cheats()[name]
    found = find_anomalies(FIRST_DAY + timedelta(days=9), traces, {}, EVIDENCE_RULES)
    assert kind in {one.kind for one in found}
    known: set[UUID] = {one.id for one in traces}
    assert all(one.words and set(one.check_ins) <= known for one in found)
    assert first_detection_day(name) is not None


def test_the_figures_name_every_kind() -> None:
    text = format_report()
    assert all(kind in text for kind in (*HONEST_KINDS, *build_cheats()))
    assert "None" not in text


def test_a_colleagues_phone_is_asked_about_for_a_day_and_no_longer() -> None:
    mine = [
        build_trace(FIRST_DAY, build_instant(FIRST_DAY, 8, 0), random_point_near(random.Random(1), 8), 9.0)
    ]
    at = mine[0].at
    found = find_anomalies(FIRST_DAY, mine, {"own": [("wang", at + timedelta(hours=23))]}, EVIDENCE_RULES)
    assert [one.kind for one in found] == [AnomalyKind.SHARED_DEVICE]
    assert (
        find_anomalies(FIRST_DAY, mine, {"own": [("wang", at + timedelta(hours=25))]}, EVIDENCE_RULES) == []
    )
