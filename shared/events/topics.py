"""The whole event flow, one table: which services are told of which topic.

A service that is named here has a handler for the topic in its consumers.py, and the other way round (tested).
"""

# fmt: off
SUBSCRIBERS: dict[str, tuple[str, ...]] = {
    # topic              told
    "project.moved":        ("funds", "assets"),
    "project.progressed":   ("funds",),
    "project.accepted":     ("assets",),
    "allocation.issued":    ("projects", "assets"),
    "allocation.recalled":  ("projects", "assets"),
    "payment.paid":         ("projects", "assets"),
    "payment.refunded":     ("projects", "assets"),
    "asset.handed_over":    ("projects",),
}
# fmt: on


def topics_for(service: str) -> tuple[str, ...]:
    """The topics a service is told of."""
    return tuple(topic for topic, services in SUBSCRIBERS.items() if service in services)


def list_subscribers(but: str = "") -> tuple[str, ...]:
    """Every service that is told of anything, except the one given."""
    return tuple(sorted({service for services in SUBSCRIBERS.values() for service in services} - {but}))


def topics_markdown() -> str:
    """The table as people read it (docs/events.md)."""
    rows = [f"| `{topic}` | {', '.join(services)} |" for topic, services in SUBSCRIBERS.items()]
    return "\n".join(["| topic | told |", "|---|---|", *rows])
