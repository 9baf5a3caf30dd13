"""The one address a whole nation calls at eight: the same promises as any route, with less ceremony on the way.

A well-formed request without an Idempotency-Key is answered here; everything else (a key, a missing permission, a body
that does not fit) goes the ordinary way and gets the ordinary answer.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from pydantic import TypeAdapter, ValidationError

from services.attendance.check_ins import service
from services.attendance.check_ins.schemas import CheckInAnswer, CheckInBatch, CheckInPost
from shared.http import Route, context_of
from shared.permissions import May

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
JSON = {"content-type": "application/json"}
ONE = TypeAdapter(CheckInPost)
MANY = TypeAdapter(CheckInBatch)


class HotRoute(Route):
    """A route for check-ins that reads, judges and gathers without FastAPI's dependencies."""

    def get_route_handler(self) -> Handler:
        """The short way, and the ordinary one where the short one does not fit."""
        ordinary = super().get_route_handler()

        async def handle(request: Request) -> Response:
            headers = request.headers
            if "idempotency-key" in headers or not headers.get("content-type", "").startswith(
                "application/json"
            ):
                return await ordinary(request)
            context = context_of(request)
            actor = await context.verifier.actor(headers.get("authorization"), context.clock())
            items = _items(await request.body())
            if items is None or not actor.can(May.CHECK_IN):
                return await ordinary(request)
            request.state.actor = actor
            answer = CheckInAnswer.model_construct(items=await service.take(context, actor, items))
            return Response(answer.model_dump_json(), 201, JSON)

        return handle


def _items(body: bytes) -> list[Any] | None:
    """One check-in or a batch; None for anything else, whose answer the ordinary way knows."""
    try:
        if b'"items"' in body[:20]:
            return list(MANY.validate_json(body).items)
        return [ONE.validate_json(body)]
    except ValidationError:
        return None
