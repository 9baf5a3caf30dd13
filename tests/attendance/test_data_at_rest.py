"""Names of visited households are not stored in clear text."""

from typing import Any

import httpx

from tests.attendance.factories_attendance import post_json
from tests.attendance.test_visits import VISIT_BODY
from tests.clients import ServiceUnderTest
from tests.stored_text_search import find_clear_text


async def test_no_household_name_is_stored_in_clear(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any
) -> None:
    await post_json(cadre, "/attendance/visits", VISIT_BODY, headers={"Idempotency-Key": "the-same-visit"})

    assert await find_clear_text(attendance.context, "马秀英") == []
    assert (
        await find_clear_text(attendance.context, "屋顶漏水") != []
    )  # the search finds text that is stored in clear
