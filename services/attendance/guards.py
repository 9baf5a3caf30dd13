"""Guards that the lifecycles of several features share."""

from typing import Protocol

from shared.errors import FieldError


class FactsWithReason(Protocol):
    """Inputs of guards that contain the reason given with the request."""

    @property
    def reason(self) -> str:
        """Reason as sent; empty if missing."""


def reason_given(facts: FactsWithReason) -> FieldError | None:
    """写明理由."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")
    )
