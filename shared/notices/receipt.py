"""Receipt number of an objection: what a villager writes down, from which the objection is found again.

`7F3K-9QXM-2B4D` is the millisecond of the objection's UUIDv7 (40 bits since 2020) and its last 20 bits, in Crockford's
alphabet, which leaves out letters that look like digits.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from shared.db.uuid7 import timestamp_ms

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
EPOCH_MS = 1_577_836_800_000
"""2020-01-01T00:00:00Z."""
TIME_CHARS, TAIL_CHARS, BITS_PER_CHAR, GROUP = 8, 4, 5, 4
TAIL_BITS = TAIL_CHARS * BITS_PER_CHAR
_LOOKALIKES = str.maketrans("OIL", "011")


@dataclass(frozen=True, slots=True)
class ReceiptNumber:
    """Bounds of the ids of one millisecond, and their last bits."""

    low: UUID
    high: UUID
    tail: int

    def matches(self, identifier: UUID) -> bool:
        """Whether an id has this number."""
        return self.low <= identifier <= self.high and identifier.int & ((1 << TAIL_BITS) - 1) == self.tail


def format_receipt_number(identifier: UUID) -> str:
    """The number of an objection's id; ValueError for an id that is no UUIDv7 since 2020."""
    value = ((timestamp_ms(identifier) - EPOCH_MS) << TAIL_BITS) | (identifier.int & ((1 << TAIL_BITS) - 1))
    length = TIME_CHARS + TAIL_CHARS
    if not 0 <= value < 1 << (length * BITS_PER_CHAR):
        raise ValueError(f"不是 2020 年以来的编号: {identifier}")
    text = "".join(ALPHABET[(value >> (BITS_PER_CHAR * place)) & 31] for place in reversed(range(length)))
    return "-".join(text[start : start + GROUP] for start in range(0, length, GROUP))


def parse_receipt_number(text: str) -> ReceiptNumber | None:
    """Read a number as people write it: any case, with or without dashes, O for 0; None when it is none."""
    plain = re.sub(r"[\s-]", "", text).upper().translate(_LOOKALIKES)
    if len(plain) != TIME_CHARS + TAIL_CHARS or any(char not in ALPHABET for char in plain):
        return None
    value = 0
    for char in plain:
        value = value << BITS_PER_CHAR | ALPHABET.index(char)
    ms = (value >> TAIL_BITS) + EPOCH_MS
    return ReceiptNumber(UUID(int=ms << 80), UUID(int=((ms + 1) << 80) - 1), value & ((1 << TAIL_BITS) - 1))
