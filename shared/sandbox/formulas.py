"""Values of formulas that a program wrote without calculating them: sums and products of cells."""

import io
import re
import warnings
from decimal import Decimal, InvalidOperation
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

MAX_DEPTH = 20
MAX_FORMULAS = 20_000
MAX_RANGE = 20_000
_TOKEN = re.compile(
    r"\s*(?:(\d+(?:\.\d+)?)|(\$?[A-Z]{1,3}\$?\d{1,7})(?::(\$?[A-Z]{1,3}\$?\d{1,7}))?|([A-Z]+)(?=\()|([-+*/(),]))"
)


class NotCalculable(Exception):
    """The formula uses something that is not calculated here."""


def fill_empty_formulas(content: bytes, grids: dict[str, list[list[Any]]]) -> None:
    """Put the value of each uncalculated formula into the grids; a formula that stays unknown stands there as text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(content))
    left = MAX_FORMULAS
    for sheet in book.worksheets:
        grid = grids.get(sheet.title)
        for row in sheet.iter_rows() if grid is not None else ():
            for cell in row:
                if (
                    cell.data_type != "f"
                    or grid is None
                    or _get(grid, cell.row, cell.column) not in {"", None}
                ):
                    continue
                left -= 1
                if left < 0:
                    return
                try:
                    value: Any = float(_Calculation(sheet).evaluate(str(cell.value)))
                except (NotCalculable, InvalidOperation, ArithmeticError, RecursionError):
                    value = str(cell.value)
                _put(grid, cell.row, cell.column, value)


def _get(grid: list[list[Any]], row: int, column: int) -> Any:  # noqa: ANN401 - any cell
    return grid[row - 1][column - 1] if row <= len(grid) and column <= len(grid[row - 1]) else ""


def _put(grid: list[list[Any]], row: int, column: int, value: Any) -> None:  # noqa: ANN401 - any cell
    while len(grid) < row:
        grid.append([])
    grid[row - 1].extend([""] * (column - len(grid[row - 1])))
    grid[row - 1][column - 1] = value


class _Calculation:
    """Evaluates + - * /, SUM and ROUND over cells of one sheet."""

    def __init__(self, sheet: Worksheet, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise NotCalculable
        self.sheet, self.depth = sheet, depth
        self.tokens: list[tuple[str, str, str, str, str]] = []

    def evaluate(self, formula: str) -> Decimal:
        """The value of a formula; NotCalculable when it uses more than is known here."""
        text, at = formula.removeprefix("="), 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise NotCalculable
            self.tokens.append(tuple(part or "" for part in found.groups()))  # type: ignore[arg-type]
            at = found.end()
        value = self._sum()
        if self.tokens:
            raise NotCalculable
        return value

    def _take(self, *marks: str) -> str:
        if self.tokens and self.tokens[0][4] in marks and self.tokens[0][4]:
            return self.tokens.pop(0)[4]
        return ""

    def _sum(self) -> Decimal:
        value = self._product()
        while mark := self._take("+", "-"):
            value = value + self._product() if mark == "+" else value - self._product()
        return value

    def _product(self) -> Decimal:
        value = self._factor()
        while mark := self._take("*", "/"):
            value = value * self._factor() if mark == "*" else value / self._factor()
        return value

    def _factor(self) -> Decimal:
        if mark := self._take("-", "+", "("):
            value = self._sum() if mark == "(" else self._factor()
            if mark == "(" and not self._take(")"):
                raise NotCalculable
            return -value if mark == "-" else value
        if not self.tokens:
            raise NotCalculable
        number, first, last, function, _ = self.tokens.pop(0)
        if number:
            return Decimal(number)
        if function:
            return self._call(function)
        if first and not last:
            return self._cell_value(self.sheet[first.replace("$", "")].value)
        raise NotCalculable

    def _call(self, function: str) -> Decimal:
        arguments: list[Decimal] = []
        if not self._take("("):
            raise NotCalculable
        while not self._take(")"):
            if self.tokens and self.tokens[0][1] and self.tokens[0][2]:
                _, first, last, _, _ = self.tokens.pop(0)
                arguments.append(self._sum_range(first.replace("$", ""), last.replace("$", "")))
            else:
                arguments.append(self._sum())
            self._take(",")
        if function == "SUM":
            return sum(arguments, Decimal(0))
        if function == "ROUND" and len(arguments) == 2:  # noqa: PLR2004 - value and digits
            return round(arguments[0], int(arguments[1]))
        raise NotCalculable

    def _sum_range(self, first: str, last: str) -> Decimal:
        total, count = Decimal(0), 0
        for row in self.sheet[f"{first}:{last}"]:
            for cell in row:
                count += 1
                if count > MAX_RANGE:
                    raise NotCalculable
                total += self._cell_value(cell.value, in_range=True)
        return total

    def _cell_value(self, value: Any, *, in_range: bool = False) -> Decimal:  # noqa: ANN401 - any cell
        if isinstance(value, str) and value.startswith("="):
            return _Calculation(self.sheet, self.depth + 1).evaluate(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Decimal(repr(value))
        if value is None or in_range:  # a sum passes over text, as spreadsheet programs do
            return Decimal(0)
        raise NotCalculable
