"""Anomaly detection: each kind of cheat is found, honest days rarely raise one."""

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
def test_fewer_than_two_percent_of_honest_days_raise_an_anomaly(kind: str) -> None:
    flagged, days = count_false_alarms(kind)
    assert flagged / days < 0.02


@pytest.mark.parametrize("name", list(build_cheats()))
def test_every_cheat_raises_its_anomaly(name: str) -> None:
    evidence, kind = build_cheats()[name]
    anomalies = find_anomalies(FIRST_DAY + timedelta(days=9), evidence, {}, EVIDENCE_RULES)
    assert kind in {anomaly.kind for anomaly in anomalies}
    ids: set[UUID] = {trace.id for trace in evidence}
    assert all(anomaly.words and set(anomaly.check_ins) <= ids for anomaly in anomalies)
    assert first_detection_day(name) is not None


def test_the_report_names_every_kind() -> None:
    text = format_report()
    assert all(kind in text for kind in (*HONEST_KINDS, *build_cheats()))
    assert "None" not in text


def test_a_shared_phone_raises_an_anomaly_within_a_day_only() -> None:
    evidence = [
        build_trace(FIRST_DAY, build_instant(FIRST_DAY, 8, 0), random_point_near(random.Random(1), 8), 9.0)
    ]
    at = evidence[0].at
    anomalies = find_anomalies(
        FIRST_DAY, evidence, {"own": [("wang", at + timedelta(hours=23))]}, EVIDENCE_RULES
    )
    assert [anomaly.kind for anomaly in anomalies] == [AnomalyKind.SHARED_DEVICE]
    assert (
        find_anomalies(FIRST_DAY, evidence, {"own": [("wang", at + timedelta(hours=25))]}, EVIDENCE_RULES)
        == []
    )
