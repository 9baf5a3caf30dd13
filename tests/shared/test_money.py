"""Money is exact: into 分, out in 元 and 万元, shared without losing a 分."""

import json
import re
from decimal import Decimal

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.china import (
    MAX_AMOUNT_FEN,
    Money,
    PositiveMoney,
    SignedMoney,
    format_wan,
    format_yuan,
    parse_wan_cell,
    parse_yuan,
    parse_yuan_cell,
    split_proportionally,
)

amounts_strategy = st.integers(1 - MAX_AMOUNT_FEN, MAX_AMOUNT_FEN - 1)


class AmountCreate(BaseModel):
    amount: Money
    change: SignedMoney | None = None


class AmountRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    amount: Money
    balance: SignedMoney = 0


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("500000.00", 50_000_000),
        ("12.3", 1230),
        ("0", 0),
        ("0.01", 1),
        ("0.00", 0),
        ("9999999999999.99", MAX_AMOUNT_FEN - 1),
    ],
)
def test_yuan_in_json_becomes_fen(text: str, amount: int) -> None:
    assert parse_yuan(text) == amount
    assert AmountCreate.model_validate_json(f'{{"amount": "{text}"}}').amount == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "1e5",
        "1.234",
        "1.",
        ".5",
        "01",
        "1,000",
        "NaN",
        "Infinity",
        "\uff11",
        "-1",
        "--1",
        "10000000000000",
        "99999999999999999999",
        "一百",
    ],
)
def test_text_that_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="金额"):
        parse_yuan(text)
    with pytest.raises(ValidationError):
        AmountCreate.model_validate({"amount": text})


@pytest.mark.parametrize("value", [500000, 500000.0, 0.1, True, None, [], {}, b"1"])
def test_json_numbers_are_refused_since_they_may_mean_either_unit(value: object) -> None:
    with pytest.raises(ValidationError, match="字符串"):
        AmountCreate.model_validate({"amount": value})


@pytest.mark.parametrize(
    "value", ["NaN", "sNaN", "Infinity", "-Infinity", "0.001", "1e-999999", "1e999999", "-0.01"]
)
def test_decimals_that_are_not_amounts_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="金额"):
        parse_yuan(Decimal(value))


def test_decimals_are_exact() -> None:
    assert parse_yuan(Decimal("0.010")) == 1
    assert parse_yuan(Decimal("1E+3")) == 100_000
    assert parse_yuan(Decimal("-0.00")) == 0
    assert parse_yuan(Decimal("9999999999999.99")) == MAX_AMOUNT_FEN - 1


def test_a_model_that_reads_records_takes_fen() -> None:
    class Row:
        amount = 1_259_000_000
        balance = -5

    read = AmountRead.model_validate(Row())
    assert read.model_dump() == {"amount": 1_259_000_000, "balance": -5}
    assert json.loads(read.model_dump_json()) == {"amount": "12590000.00", "balance": "-0.05"}
    assert AmountRead.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize("amount", [-1, MAX_AMOUNT_FEN, True, 1.0])
def test_a_record_with_an_impossible_amount_is_refused(amount: object) -> None:
    with pytest.raises(ValidationError):
        AmountRead.model_validate({"amount": amount})


def test_signs_are_as_the_type_says() -> None:
    assert TypeAdapter(SignedMoney).validate_python("-0.01") == -1
    assert TypeAdapter(PositiveMoney).validate_python("0.01") == 1
    for bad in ("0", "0.00", "-1"):
        with pytest.raises(ValidationError):
            TypeAdapter(PositiveMoney).validate_python(bad)
    with pytest.raises(ValidationError, match="不能为负"):
        TypeAdapter(Money).validate_python("-1")


async def test_the_api_speaks_yuan_and_says_so() -> None:
    app = FastAPI()

    @app.post("/echo")
    async def echo(body: AmountCreate) -> AmountRead:
        return AmountRead(amount=body.amount + 1, balance=body.change or 0)

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        answer = await client.post("/echo", json={"amount": "500000.00", "change": "-3"})
        assert answer.json() == {"amount": "500000.01", "balance": "-3.00"}
        assert (await client.post("/echo", json={"amount": 500000})).status_code == 422
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    for name in ("AmountCreate", "AmountRead"):
        described = schemas[name]["properties"]["amount"]
        assert described["type"] == "string"
        assert "元" in described["description"]


@pytest.mark.parametrize(
    ("kind", "lowest"), [(Money, 0), (PositiveMoney, 1), (SignedMoney, 1 - MAX_AMOUNT_FEN)]
)
@given(amount=amounts_strategy)
def test_the_schema_allows_exactly_what_is_accepted(kind: type[int], lowest: int, amount: int) -> None:
    adapter: TypeAdapter[int] = TypeAdapter(kind)
    pattern = adapter.json_schema()["pattern"]
    allowed = re.search(pattern, format_yuan(amount)) is not None
    assert allowed == (amount >= lowest)
    if allowed:
        assert adapter.validate_json(json.dumps(format_yuan(amount))) == amount


@given(amounts_strategy)
def test_what_is_written_is_read_again(amount: int) -> None:
    assert parse_yuan(format_yuan(amount), signed=True) == amount
    assert parse_yuan_cell(format_yuan(amount)) == amount
    for places in range(7):
        assert parse_wan_cell(format_wan(amount, places)) == amount


def test_wan_for_tables() -> None:
    assert format_wan(1_259_000_000) == "1259.0000"
    assert format_wan(1_259_000_000, 0) == "1259"
    assert format_wan(29_400_000, 0) == "29.4"
    assert format_wan(29_400_000, 2) == "29.40"
    assert format_wan(12_345_678) == "12.345678"
    assert format_wan(-1) == "-0.000001"
    assert format_wan(0, 2) == "0.00"


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        (1259, 1_259_000_000),
        (1259.0, 1_259_000_000),
        (29.4, 29_400_000),
        (29.400000000000002, 29_400_000),
        (0.1 + 0.2, 300_000),
        (2947.76, 2_947_760_000),
        ("1,259.00", 1_259_000_000),
        (" 29.4 ", 29_400_000),
        ("\uff11\uff0c\uff12\uff15\uff19", 1_259_000_000),
        ("-5", -5_000_000),
        ("0.000001", 1),
        (Decimal("113.5"), 113_500_000),
    ],
)
def test_spreadsheet_cells_in_wan(cell: str | Decimal | float, amount: int) -> None:
    assert parse_wan_cell(cell) == amount


@pytest.mark.parametrize(
    "cell",
    [
        0.0000001,
        1.23456789,
        "0.0000001",
        float("nan"),
        float("inf"),
        1e300,
        True,
        "",
        "-",
        "1,2",
        "12,34",
        "约5",
        "1e3",
        10**9,
        "=A1",
    ],
)
def test_cells_that_are_not_exact_amounts_are_refused(cell: str | float) -> None:
    with pytest.raises(ValueError, match="金额"):
        parse_wan_cell(cell)


@given(st.integers(0, 10**9 - 1))
def test_a_float_cell_with_two_decimals_is_exact(hundredths: int) -> None:
    assert parse_wan_cell(hundredths / 100) == hundredths * 10_000


@given(amounts_strategy, st.lists(st.integers(0, 10**12), min_size=1, max_size=60).filter(any))
def test_shares_add_up_and_are_fair(total: int, parts: list[int]) -> None:
    shares = split_proportionally(total, parts)
    assert sum(shares) == total
    for part, one in zip(parts, shares, strict=True):
        assert abs(one * sum(parts) - total * part) < sum(parts)
        assert one * total >= 0
        assert part or not one


def test_the_larger_remainder_gets_the_odd_fen() -> None:
    assert split_proportionally(100, [1, 1, 1]) == [34, 33, 33]
    assert split_proportionally(-100, [1, 1, 1]) == [-34, -33, -33]
    assert split_proportionally(10, [5, 0, 6]) == [5, 0, 5]
    assert split_proportionally(0, [1, 2]) == [0, 0]


@pytest.mark.parametrize("parts", [[], [0, 0], [3, -1]])
def test_shares_need_weights(parts: list[int]) -> None:
    with pytest.raises(ValueError, match="分摊"):
        split_proportionally(100, parts)
