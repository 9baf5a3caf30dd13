"""Enums with Chinese labels."""

from enum import StrEnum
from typing import Self


class LabelledEnum(StrEnum):
    """A string enum whose members are `NAME = "code", "中文"`; `.label` is the Chinese term."""

    label: str

    def __new__(cls, code: str, label: str = "") -> Self:
        """Create a member from code and label."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label or code
        return member

    @classmethod
    def labels(cls) -> dict[str, str]:
        """Code → Chinese label of all members."""
        return {member.value: member.label for member in cls}
