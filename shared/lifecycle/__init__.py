"""Lifecycle tables: states, transitions, permissions, guards."""

from shared.lifecycle.table import Lifecycle, transition

__all__ = [
    "Lifecycle",
    "transition",
]
