"""Code sets with their Chinese labels: one enum member, one word for people."""

from enum import StrEnum
from typing import Self


class LabelledEnum(StrEnum):
    """A string enum whose members are `NAME = "code", "中文"`; `.label` is the Chinese term."""

    label: str

    def __new__(cls, code: str, label: str = "") -> Self:
        """Keep the label beside the code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label or code
        return member

    @classmethod
    def labels(cls) -> dict[str, str]:
        """Code → Chinese label, as served to phones."""
        return {member.value: member.label for member in cls}
