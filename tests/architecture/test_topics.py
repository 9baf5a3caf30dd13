"""Who is told of an event has a handler for it, and who has a handler is told."""

import importlib
from collections.abc import Mapping
from typing import Any

import pytest

from docs.generate import list_events
from embedded.system import list_services
from shared.events import SUBSCRIBERS, topics_for
from shared.records.description import load_topic_labels
from shared.records.shapes import CHINESE


def _get_handlers(name: str) -> Mapping[str, Any]:
    service = getattr(importlib.import_module(f"services.{name}.main"), "SERVICE", None)
    return service.handlers if service is not None else {}


@pytest.mark.parametrize("name", list_services())
def test_every_handler_is_told(name: str) -> None:
    deaf = set(_get_handlers(name)) - set(topics_for(name))

    assert not deaf, f"services/{name}/service.toml does not name {sorted(deaf)}, so these handlers never run"


@pytest.mark.parametrize("name", list_services())
def test_every_topic_told_is_handled(name: str) -> None:
    handled = set(_get_handlers(name))
    dropped = set(topics_for(name)) - handled if handled else set()

    assert not dropped, f"{name} is told of {sorted(dropped)} and does nothing about it"


def test_every_topic_is_an_event() -> None:
    assert not set(SUBSCRIBERS) - set(list_events())


def test_every_topic_has_words_for_a_history() -> None:
    labels = load_topic_labels()
    assert set(labels) == set(list_events())
    assert all(CHINESE.search(label) for label in labels.values())
