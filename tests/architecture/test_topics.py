"""Who is told of an event has a handler for it, and who has a handler is told."""

import importlib
from collections.abc import Mapping
from typing import Any

import pytest

from docs.generate import all_events
from embedded.system import service_names
from shared.topics import SUBSCRIBERS, told


def _handlers(name: str) -> Mapping[str, Any]:
    service = getattr(importlib.import_module(f"services.{name}.main"), "SERVICE", None)
    return service.handlers if service is not None else {}


@pytest.mark.parametrize("name", service_names())
def test_every_handler_is_told(name: str) -> None:
    deaf = set(_handlers(name)) - set(told(name))

    assert not deaf, f"shared/topics.py does not tell {name} of {sorted(deaf)}, so these handlers never run"


@pytest.mark.parametrize("name", service_names())
def test_every_topic_told_is_handled(name: str) -> None:
    handled = set(_handlers(name))
    dropped = set(told(name)) - handled if handled else set()

    assert not dropped, f"{name} is told of {sorted(dropped)} and does nothing about it"


def test_every_topic_is_an_event() -> None:
    assert not set(SUBSCRIBERS) - set(all_events())
