"""A payee's account is nowhere on the funds service's disk in clear."""

from tests.at_rest import traces
from tests.funds.desk import Desk


async def test_no_bank_account_is_kept_in_clear(desk: Desk) -> None:
    allocation = await desk.allocation(100_000)
    await desk.paid(allocation["id"], 40_000)

    assert await traces(desk.door.context, "6222021234561234567") == []
    assert await traces(desk.door.context, "武威市水利工程有限公司") != []  # it does find what is there
