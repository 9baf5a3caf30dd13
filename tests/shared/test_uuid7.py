"""Ids are UUIDv7, ordered and unique."""

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.db import new_id, timestamp_ms, uuid7


def test_version_and_variant_are_those_of_the_rfc() -> None:
    for _ in range(100):
        made = new_id()
        assert made.version == 7
        assert made.variant == "specified in RFC 4122"


def test_the_published_vector_is_read_as_the_rfc_says() -> None:
    # RFC 9562, appendix A.6
    vector = UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
    assert timestamp_ms(vector) == 0x017F22E279B0
    assert new_id(0x017F22E279B0).bytes[:6] == vector.bytes[:6]


def test_each_id_is_greater_than_the_one_before() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)
    assert len(set(made)) == len(made)


def test_the_time_is_the_present() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= timestamp_ms(new_id()) <= time.time_ns() // 1_000_000 + 1


def test_a_clock_that_goes_back_does_not_reorder(monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert new_id() > first


def test_a_full_counter_moves_on_to_the_next_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 5_000_000)
    steps = uuid7.UuidSequence()
    monkeypatch.setattr(uuid7, "_sequence", steps)
    first = new_id()
    steps.counter = (1 << uuid7.COUNTER_BITS) - 1
    second = new_id()
    assert (timestamp_ms(first), timestamp_ms(second)) == (5, 6)


def test_threads_never_share_an_id() -> None:
    def many(_: int) -> list[UUID]:
        mine = [new_id() for _ in range(2_000)]
        assert mine == sorted(mine)
        return mine

    with ThreadPoolExecutor(8) as pool:
        made = [one for batch in pool.map(many, range(8)) for one in batch]
    assert len(set(made)) == 16_000


def test_a_forked_process_does_not_count_on_from_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 5_000_000)
    monkeypatch.setattr(uuid7, "_sequence", uuid7.UuidSequence())
    new_id()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        theirs = pool.apply(new_id)
    assert theirs.int >> uuid7.TAIL_BITS != new_id().int >> uuid7.TAIL_BITS


@given(st.integers(0, uuid7.MAX_TIMESTAMP_MS))
def test_a_given_time_is_kept(at_ms: int) -> None:
    made = new_id(at_ms)
    assert timestamp_ms(made) == at_ms
    assert made.version == 7


@pytest.mark.parametrize("at_ms", [-1, uuid7.MAX_TIMESTAMP_MS + 1])
def test_a_time_that_does_not_fit_is_refused(at_ms: int) -> None:
    with pytest.raises(ValueError, match="超出"):
        new_id(at_ms)


def test_other_uuids_have_no_time() -> None:
    with pytest.raises(ValueError, match="UUIDv7"):
        timestamp_ms(UUID("00000000-0000-4000-8000-000000000000"))
