"""Lifecycle tables: states, transitions, who may make them, what they need."""

from shared.lifecycle.table import Lifecycle, transition

__all__ = [
    "Lifecycle",
    "transition",
]
