"""Every cheat is asked about, hardly any honest day is, and nobody is punished by a machine."""

import random
from datetime import timedelta
from uuid import UUID

import pytest

from services.attendance.reviews.evidence import oddities
from services.attendance.reviews.kinds import Oddity
from tests.attendance.traces import (
    FIRST,
    HONEST,
    RULES,
    asked_about,
    caught_after,
    cheats,
    figures,
    near,
    trace,
    when,
)


@pytest.mark.parametrize("kind", HONEST)
def test_fewer_than_two_in_a_hundred_honest_days_are_asked_about(kind: str) -> None:
    asked, days = asked_about(kind)
    assert asked / days < 0.02


@pytest.mark.parametrize("name", list(cheats()))
def test_every_cheat_is_asked_about(name: str) -> None:
    traces, kind = cheats()[name]
    found = oddities(FIRST + timedelta(days=9), traces, {}, RULES)
    assert kind in {one.kind for one in found}
    known: set[UUID] = {one.id for one in traces}
    assert all(one.words and set(one.check_ins) <= known for one in found)
    assert caught_after(name) is not None


def test_the_figures_name_every_kind() -> None:
    text = figures()
    assert all(kind in text for kind in (*HONEST, *cheats()))
    assert "None" not in text


def test_a_colleagues_phone_is_asked_about_for_a_day_and_no_longer() -> None:
    mine = [trace(FIRST, when(FIRST, 8, 0), near(random.Random(1), 8), 9.0)]
    at = mine[0].at
    found = oddities(FIRST, mine, {"own": [("wang", at + timedelta(hours=23))]}, RULES)
    assert [one.kind for one in found] == [Oddity.SHARED_DEVICE]
    assert oddities(FIRST, mine, {"own": [("wang", at + timedelta(hours=25))]}, RULES) == []
