"""Who was visited is nowhere on the attendance service's disk in clear."""

from typing import Any

import httpx

from tests.at_rest import traces
from tests.attendance.test_visits import VISIT
from tests.attendance.world import sent
from tests.doors import Door


async def test_no_household_is_kept_in_clear(attendance: Door, cadre: httpx.AsyncClient, post: Any) -> None:
    await sent(cadre, "/attendance/visits", VISIT, headers={"Idempotency-Key": "the-same-visit"})

    assert await traces(attendance.context, "马秀英") == []
    assert await traces(attendance.context, "屋顶漏水") != []  # it does find what is there
