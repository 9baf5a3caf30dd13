"""What funds does when others speak."""

from shared.inbox import Handler

HANDLERS: dict[str, Handler] = {}
