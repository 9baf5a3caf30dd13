"""Merged regions: every record is in one place of today, in memory as in SQL, whatever was merged into what."""

import random
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from shared.auth import Actor, Grant, Mergers, Role

DISTRICTS = ["620602000000", "620622000000"]
TOWNS = [f"{district[:6]}10{town}000" for district in DISTRICTS for town in range(3)]
VILLAGES = [f"{town[:9]}20{village}" for town in TOWNS for village in range(3)]
PLACES = [*DISTRICTS, *TOWNS, *VILLAGES]
RECORDS = sa.table("record", sa.column("region", sa.String))
COLUMN = RECORDS.c.region


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as opened:
        opened.execute(sa.text("CREATE TABLE record (region TEXT)"))
        opened.execute(RECORDS.insert(), [{"region": code} for code in PLACES])
        yield opened
    engine.dispose()


def merge_at_random(seed: int) -> Mergers:
    """Up to six mergers of villages and towns one after the other, as the service of regions takes them."""
    chance = random.Random(seed)
    today: dict[str, str] = {}
    for _ in range(chance.randint(1, 6)):
        level = chance.choice((TOWNS, VILLAGES, VILLAGES))
        former, code = chance.sample([one for one in level if one not in today], 2)
        today = {one: code if at == former else at for one, at in today.items()} | {former: code}
    return Mergers(today)


def list_below(area: str) -> list[str]:
    """The places directly below a place that are still there."""
    level, digits = (TOWNS, 6) if area in DISTRICTS else (VILLAGES, 9)
    return [code for code in level if code[:digits] == area[:digits]]


@pytest.mark.parametrize("seed", range(40))
def test_the_places_of_today_share_every_record_among_them_once(seed: int, connection: sa.Connection) -> None:
    mergers = merge_at_random(seed)

    def list_records(area: str) -> set[str]:
        rows = connection.execute(sa.select(COLUMN).where(mergers.condition(COLUMN, area))).scalars()
        return set(rows)

    for area in PLACES:
        assert list_records(area) == {code for code in PLACES if mergers.is_within(code, area)}
    for area in [*DISTRICTS, *TOWNS]:
        if mergers.find_current(area) != area:
            continue
        parts = [list_records(code) for code in list_below(area) if mergers.find_current(code) == code]
        own = set(connection.execute(sa.select(COLUMN).where(mergers.same_place(COLUMN, area))).scalars())
        gathered = sorted(code for part in [*parts, own] for code in part)
        assert set(gathered) <= list_records(area)
        assert len(gathered) == len(set(gathered))
        digits = 9 if area in DISTRICTS else 12
        head = mergers.current_head(COLUMN, digits, area)
        grouped = connection.execute(sa.select(head, COLUMN).where(mergers.condition(COLUMN, area))).all()
        assert {row[0] for row in grouped} <= {mergers.find_current(row[1])[:digits] for row in grouped}
        assert len(grouped) == len(list_records(area))


def test_chains_and_towns_lead_to_the_place_of_today() -> None:
    mergers = Mergers({VILLAGES[0]: VILLAGES[1], TOWNS[0]: TOWNS[1], VILLAGES[2]: VILLAGES[6]})

    assert mergers.find_current(VILLAGES[0]) == TOWNS[1]
    assert mergers.find_current(VILLAGES[2]) == VILLAGES[6]
    assert mergers.is_within(VILLAGES[0], TOWNS[1])
    assert not mergers.is_within(VILLAGES[2], TOWNS[1])
    assert mergers.is_within(VILLAGES[2], TOWNS[2])
    assert mergers.is_within(VILLAGES[0], TOWNS[0]), (
        "what was recorded under it stays in the history of a former town"
    )


def test_without_mergers_conditions_are_plain_ranges() -> None:
    assert str(Mergers().condition(COLUMN, TOWNS[0])) == "record.region BETWEEN :region_1 AND :region_2"
    assert Mergers().current_head(COLUMN, 12, TOWNS[0]) is COLUMN


def test_who_works_in_a_region_has_the_same_role_in_what_was_merged_into_it() -> None:
    clerk = Actor("clerk", "clerk", (Grant(Role.VILLAGE_CLERK, VILLAGES[1]),))
    leader = Actor("leader", "leader", (Grant(Role.LEADER, DISTRICTS[0]),))
    mergers = Mergers({VILLAGES[0]: VILLAGES[1], VILLAGES[-1]: VILLAGES[1]})

    assert [one.region for one in mergers.extend(clerk).grants] == [VILLAGES[1], VILLAGES[0], VILLAGES[-1]]
    assert [one.region for one in mergers.extend(leader).grants] == [DISTRICTS[0], VILLAGES[-1]]
