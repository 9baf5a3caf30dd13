"""Subscriptions between services: which services receive which topic.

A service names the topics it consumes in its service.toml, if and only if its consumers.py has a handler (tested).
"""

from shared.events.subscriptions import SUBSCRIBERS


def topics_for(service: str) -> tuple[str, ...]:
    """The topics a service subscribes to."""
    return tuple(topic for topic, services in SUBSCRIBERS.items() if service in services)


def list_subscribers(excluding: str = "") -> tuple[str, ...]:
    """All services that subscribe to any topic, except `excluding`."""
    return tuple(sorted({service for services in SUBSCRIBERS.values() for service in services} - {excluding}))


def topics_markdown() -> str:
    """The table as Markdown (docs/events.md)."""
    rows = [f"| `{topic}` | {', '.join(services)} |" for topic, services in SUBSCRIBERS.items()]
    return "\n".join(["| topic | subscribers |", "|---|---|", *rows])
