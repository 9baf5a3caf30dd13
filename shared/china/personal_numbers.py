"""Numbers of people in free text: identity cards, bank cards and mobiles that somebody typed where only words belong.

Found by form and check digit, in any width and with blanks or dashes between the groups. A document number, an amount or
an identifier of eleven or eighteen digits is not taken for one unless it also passes the check.
"""

import re
from dataclasses import dataclass

from shared.china.national_ids import is_luhn_valid, parse_id_card

_PLAIN = {ord("０") + digit: str(digit) for digit in range(10)} | {
    ord("ｘ"): "x",
    ord("Ｘ"): "X",
    ord("－"): "-",
    0x3000: " ",
}
_GAP = r"[ \-]?"
_START = r"(?<![0-9A-Za-z.,])(?<![0-9A-Fa-f]-)"
_END = r"(?![0-9A-Za-z])(?!-[0-9A-Fa-f])(?!\.\d)(?!,\d)(?![ ]?[元万亿号])"
_ID_CARD = re.compile(rf"{_START}[1-9](?:{_GAP}\d){{16}}{_GAP}[\dXx](?![0-9A-Za-z])")
_BANK_CARD = re.compile(rf"{_START}(?:6[0-9]|95)(?:{_GAP}\d){{14,17}}{_END}")
_MOBILE = re.compile(rf"{_START}(?:\+?86{_GAP})?1[3-9]\d(?:{_GAP}\d{{4}}){{2}}{_END}")


@dataclass(frozen=True, slots=True)
class PersonalNumber:
    """A number found in a text: what it is (in Chinese), where, and how it may be shown."""

    kind: str
    start: int
    end: int
    masked: str


def find_personal_numbers(text: str) -> list[PersonalNumber]:
    """Every number of a person in a text, in order, none within another."""
    plain = text.translate(_PLAIN)
    found: list[PersonalNumber] = []
    for kind, pattern in (("身份证号", _ID_CARD), ("银行卡号", _BANK_CARD), ("手机号", _MOBILE)):
        for match in pattern.finditer(plain):
            number = re.sub(r"[^0-9Xx]", "", match.group())
            taken = any(one.start < match.end() and match.start() < one.end for one in found)
            if not taken and _passes_check(kind, number):
                found.append(PersonalNumber(kind, match.start(), match.end(), _mask(kind, number)))
    return sorted(found, key=lambda one: one.start)


def mask_personal_numbers(text: str) -> str:
    """The text with every number of a person masked."""
    for one in reversed(find_personal_numbers(text)):
        text = text[: one.start] + one.masked + text[one.end :]
    return text


def _passes_check(kind: str, number: str) -> bool:
    if kind == "手机号":
        return True
    if kind == "银行卡号":
        return is_luhn_valid(number)
    try:
        parse_id_card(number)
    except ValueError:
        return False
    return True


def _mask(kind: str, number: str) -> str:
    head, tail = {"身份证号": (6, 0), "银行卡号": (4, 4), "手机号": (3, 4)}[kind]
    number = number.removeprefix("86") if kind == "手机号" and len(number) > 11 else number  # noqa: PLR2004 - digits of a mobile
    return number[:head] + "*" * (len(number) - head - tail) + number[len(number) - tail :]
