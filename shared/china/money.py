"""Money: an integer in 分 in Python and the database, a decimal string in 元 in JSON; never a float.

    class SourceCreate(BaseModel):
        amount: Money                     # {"amount": "12590000.00"} → 1259000000

An integer in JSON is refused, because 500000 may mean 元 or 分. Only models that read records (`from_attributes=True`,
set in every response model and event) accept integers, in 分.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

MAX_AMOUNT_FEN = 10**15
"""Exclusive upper limit of an amount in 分 (十万亿元)."""
FEN_PER_YUAN = 100
WAN_DECIMALS = 6
FEN_PER_WAN = 1_000_000
_DIGITS = r"(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?"
MAX_SUM_FEN = 10**18
"""Exclusive upper limit of a sum of amounts in 分: what a BIGINT holds, in whole digits."""
_SUM_DIGITS = r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,2})?"
_CELL = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
EXCEL_DIGITS = 15
TOO_LARGE_MESSAGE = "金额过大, 须小于十万亿元"


def parse_yuan(value: str | Decimal, *, signed: bool = False) -> int:
    """Convert 元 ("500000.00", "12.3", "0" or a Decimal) to 分; ValueError unless exact."""
    if isinstance(value, Decimal):
        return _to_exact_fen(value, FEN_PER_YUAN, signed=signed)
    if not re.fullmatch(f"-?{_DIGITS}" if signed else _DIGITS, value):
        raise ValueError(f'金额须写成元的数字, 最多两位小数, 如 "500000.00": {value[:40]!r}')
    return _to_exact_fen(Decimal(value), FEN_PER_YUAN, signed=signed)


def format_yuan(amount: int) -> str:
    """Format 分 as 元 with two decimals: 50000000 → "500000.00"."""
    yuan, fen = divmod(abs(amount), FEN_PER_YUAN)
    return f"{'-' if amount < 0 else ''}{yuan}.{fen:02d}"


def format_wan(amount: int, places: int = 4) -> str:
    """Format 分 as 万元, exact: at least `places` decimals, up to six where the amount needs them."""
    wan, remainder = divmod(abs(amount), FEN_PER_WAN)
    decimals = f"{remainder:0{WAN_DECIMALS}d}".rstrip("0").ljust(places, "0")
    return f"{'-' if amount < 0 else ''}{wan}{'.' if decimals else ''}{decimals}"


def parse_wan_cell(cell: str | Decimal | float) -> int:
    """Convert a spreadsheet cell in 万元 to 分; ValueError unless exact.

    Text may contain surrounding spaces and thousands separators. A float is rounded to 15 significant digits, as
    spreadsheet programs show it: 29.400000000000002 is 29.4, while 0.1234567 (no whole 分) is refused.
    """
    return _parse_cell(cell, FEN_PER_WAN)


def parse_yuan_cell(cell: str | Decimal | float) -> int:
    """Convert a spreadsheet cell in 元 to 分, by the rules of `parse_wan_cell`."""
    return _parse_cell(cell, FEN_PER_YUAN)


def split_proportionally(total: int, parts: Sequence[int]) -> list[int]:
    """Split an amount in 分 in proportion to `parts` with an exact sum (largest remainder method; ties: earlier part).

    Raises ValueError when a part is negative or all are zero.
    """
    weight = sum(parts)
    if weight <= 0 or min(parts) < 0:
        raise ValueError("分摊比例须为非负数, 且不能全为零")
    sign = -1 if total < 0 else 1
    shares, remainders = [], []
    for index, part in enumerate(parts):
        share, remainder = divmod(abs(total) * part, weight)
        shares.append(share)
        remainders.append((-remainder, index))
    for _, index in sorted(remainders)[: abs(total) - sum(shares)]:
        shares[index] += 1
    return [sign * share for share in shares]


def _parse_cell(cell: str | Decimal | float, unit: int) -> int:
    if isinstance(cell, bool):
        raise ValueError("金额不能是 TRUE 或 FALSE")  # noqa: TRY004 - refused input, not a bug
    if isinstance(cell, float):
        return _to_exact_fen(Decimal(f"{cell:.{EXCEL_DIGITS}g}"), unit, signed=True)
    if isinstance(cell, str):
        text = unicodedata.normalize("NFKC", cell)  # full-width digits and commas
        text, unit = _drop_marks(re.sub(r"\s", "", text), unit)
        if _GROUPED.fullmatch(text):
            text = text.replace(",", "")
        if not _CELL.fullmatch(text):
            raise ValueError(f"不是金额: {cell[:40]!r}")
        return _to_exact_fen(Decimal(text), unit, signed=True)
    return _to_exact_fen(Decimal(cell), unit, signed=True)


def _drop_marks(text: str, unit: int) -> tuple[str, int]:
    """The bare number of an amount and its unit: ¥12.5万元 is 12.5 in 万元, (3.00) is -3.00."""
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1]}"
    found = re.fullmatch(r"([+-]?)(?:[¥￥]|人民币|RMB)?(.*?)(?:(万)?元|(万))?(?:整)?", text)
    if found is None:
        return text, unit
    sign, number, ten_thousand, bare = found.groups()
    if ten_thousand or bare:
        return f"{sign}{number}", FEN_PER_WAN
    return f"{sign}{number}", FEN_PER_YUAN if text.removesuffix("整").endswith("元") else unit


def _to_exact_fen(value: Decimal, unit: int, *, signed: bool) -> int:
    # Integer arithmetic: Decimal rounds to its context's precision, and a huge exponent must not cost time or memory.
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("金额不是数字")  # noqa: TRY004 - NaN or infinity
    text = "".join(map(str, digits)).rstrip("0") or "0"
    exponent += len(digits) - len(text)
    if text != "0" and value.adjusted() >= len(str(MAX_AMOUNT_FEN)):
        raise ValueError(TOO_LARGE_MESSAGE)
    if text == "0":
        return 0
    if exponent < -WAN_DECIMALS:
        raise ValueError(f"金额不是整数分: {value}")
    scale: int = 10 ** (exponent + WAN_DECIMALS)
    amount, remainder = divmod(int(text) * unit * scale, FEN_PER_WAN)
    if remainder:
        raise ValueError(f"金额不是整数分: {value}")
    if amount >= MAX_AMOUNT_FEN:
        raise ValueError(TOO_LARGE_MESSAGE)
    if sign and not signed:
        raise ValueError("金额不能为负")
    return -amount if sign else amount


def _parse_sum(value: str | Decimal) -> int:
    """Convert a sum in 元 that another service answered to 分: up to 16 digits before the point."""
    text = str(value)
    if not re.fullmatch(f"-?{_SUM_DIGITS}", text):
        raise ValueError(f"不是金额: {text[:40]!r}")
    yuan, _, decimals = text.removeprefix("-").partition(".")
    amount = int(yuan) * FEN_PER_YUAN + int(decimals.ljust(2, "0"))
    return -amount if text.startswith("-") else amount


@dataclass(frozen=True)
class _YuanAmount:
    """Pydantic validation, serialization and JSON schema of an amount."""

    lowest: int
    pattern: str
    description: str
    limit: int = MAX_AMOUNT_FEN

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(
                format_yuan, when_used="json", return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "pattern": self.pattern,
            "description": self.description,
            "examples": ["500000.00"],
        }

    def parse(self, value: Any, info: ValidationInfo) -> int:  # noqa: ANN401 - any input
        """Validate input and return the amount in 分; ValueError for a wrong type, sign or size."""
        if isinstance(value, str | Decimal):
            amount = parse_yuan(value, signed=True) if self.limit == MAX_AMOUNT_FEN else _parse_sum(value)
        elif (
            isinstance(value, int)
            and not isinstance(value, bool)
            and (info.config or {}).get("from_attributes")
        ):
            amount = value
        else:
            raise ValueError('金额须写成元的字符串, 如 "500000.00"')
        if abs(amount) >= self.limit:
            raise ValueError(TOO_LARGE_MESSAGE)
        if amount < self.lowest:
            raise ValueError("金额须大于零" if self.lowest else "金额不能为负")
        return amount


def is_money(annotation: object) -> bool:
    """Whether a piece of metadata of a field says that it is an amount of money."""
    return isinstance(annotation, _YuanAmount)


Money = Annotated[int, _YuanAmount(0, f"^{_DIGITS}$", "金额, 元, 最多两位小数, 以字符串表示")]
"""分 ≥ 0 in Python, "500000.00" (元) in JSON."""
PositiveMoney = Annotated[
    int, _YuanAmount(1, rf"^(?!0(\.0{{1,2}})?$){_DIGITS}$", "金额, 元, 大于零, 最多两位小数, 以字符串表示")
]
"""分 > 0."""
SignedMoney = Annotated[
    int, _YuanAmount(1 - MAX_AMOUNT_FEN, f"^-?{_DIGITS}$", "金额, 元, 可为负, 最多两位小数, 以字符串表示")
]
"""分 of either sign, for balances and corrections."""
MoneySum = Annotated[
    int,
    _YuanAmount(
        1 - MAX_SUM_FEN,
        f"^-?{_SUM_DIGITS}$",
        "合计金额, 元, 两位小数, 以字符串表示; 小数点前最多 16 位",
        MAX_SUM_FEN,
    ),
]
"""分 of either sign, for sums over records in answers: a sum has more digits than any of its amounts."""
