"""Bank accounts of payees are stored encrypted only."""

from tests.funds.factories_funds import FundsScenario
from tests.stored_text_search import find_clear_text


async def test_no_bank_account_is_kept_in_clear(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(100_000)
    await scenario.create_paid_payment(allocation["id"], 40_000)

    assert await find_clear_text(scenario.door.context, "6222021234561234567") == []
    assert (
        await find_clear_text(scenario.door.context, "武威市水利工程有限公司") != []
    )  # it does find what is there
