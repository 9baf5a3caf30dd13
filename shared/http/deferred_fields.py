"""Parameters and answers of routes are compiled when a request first needs them: a process has ten thousand of them.

FastAPI compiles each when its route is declared, and reads the signature of a dependency for each route that has it. What cannot
be compiled shows when the OpenAPI document is made (tests/architecture), no longer at the start.
"""

import warnings
from functools import cache, cached_property
from typing import Any

from fastapi._compat.v2 import ModelField
from fastapi.dependencies import utils
from pydantic import TypeAdapter
from pydantic.warnings import UnsupportedFieldAttributeWarning

_compile = ModelField.__post_init__


def _compile_later(self: ModelField) -> None:
    """Nothing yet."""


def _get_adapter(field: ModelField) -> TypeAdapter[Any]:
    _compile(field)
    found: TypeAdapter[Any] = vars(field)["_type_adapter"]
    with warnings.catch_warnings():
        # As FastAPI does: a parameter's alias says nothing to the adapter. A schema's own deferral postpones it to here.
        warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
        found.rebuild()
    return found


def defer_compilation() -> None:
    """Let every field that FastAPI makes from now on be compiled at its first use, and every signature be read once."""
    utils.get_typed_signature = cache(utils.get_typed_signature)
    adapter = cached_property(_get_adapter)
    adapter.__set_name__(ModelField, "_type_adapter")
    ModelField.__post_init__ = _compile_later  # type: ignore[method-assign]
    ModelField._type_adapter = adapter  # type: ignore[assignment] # noqa: SLF001 - FastAPI has no other way


__all__ = ["defer_compilation"]
