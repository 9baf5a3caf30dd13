"""Lifecycle guards that several features share."""

from typing import Protocol

from shared.errors import FieldError


class HasReason(Protocol):
    """Facts of a transition that carry the reason somebody wrote."""

    @property
    def reason(self) -> str:
        """The reason as written; empty when none was given."""
        ...


def reason_given(facts: HasReason) -> FieldError | None:
    """写明理由."""
    if facts.reason.strip():
        return None
    return FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")
