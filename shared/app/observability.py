"""What operators see: request ids, one structured log line per request, Prometheus metrics."""

import logging
import re
import sys
import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.clients import propagation
from shared.db import new_id

_SAFE_ID = re.compile(r"[A-Za-z0-9_.:-]{8,80}")
TIME_LEFT_HEADER_BYTES = propagation.TIME_LEFT_HEADER.lower().encode()
log = structlog.get_logger("access")
COUNTED_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that are counted by name; a client may invent others without end."""
UNLOGGED_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


def configure_logging(level: str) -> None:
    """JSON lines on standard error at this level and above."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class Metrics:
    """Counters and times of one service; each has a registry of its own, so that many fit in one process."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.service = service
        self._kinds: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.requests = Counter(
            "http_requests",
            "Requests answered",
            ("service", "method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "http_request_seconds", "Time to answer", ("service", "method", "route"), registry=self.registry
        )

    def request_metrics(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """The counter and the times of one kind of request."""
        found = self._kinds.get((method, route, status))
        if found is None:
            found = self._kinds[method, route, status] = (
                self.requests.labels(self.service, method, route, str(status)),
                self.seconds.labels(self.service, method, route),
            )
        return found

    def render(self) -> Response:
        """The figures in Prometheus' text format."""
        return Response(generate_latest(self.registry), media_type="text/plain; version=0.0.4; charset=utf-8")


def _route_pattern(scope: Scope) -> str:
    """The address with its parameters' names, so that metrics stay few."""
    if "endpoint" not in scope:
        return str(scope.get("state", {}).get("handed_to", "unmatched"))
    names = {str(value): name for name, value in scope.get("path_params", {}).items()}
    parts = (f"{{{names[part]}}}" if part in names else part for part in scope["path"].split("/"))
    return "/".join(parts)


def _read_propagation_headers(scope: Scope) -> tuple[str, str]:
    """The request id that was sent along, and the seconds its sender still waits."""
    given = left = b""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value
        elif name == TIME_LEFT_HEADER_BYTES:
            left = value
    return given.decode("latin-1"), left.decode("latin-1")


class RequestLogMiddleware:
    """ASGI middleware: gives each request an id, counts it, times it and writes one line about it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, watching."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given, left = _read_propagation_headers(scope)
        request_id = given if _SAFE_ID.fullmatch(given) else str(new_id())
        own = (b"x-request-id", request_id.encode("latin-1"))
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [one for one in message.get("headers", ()) if one[0] != own[0]] + [own]
            await send(message)

        try:
            with propagation.bind_request(request_id, left):
                await self.app(scope, receive, sending)
        finally:
            self._record_request(scope, request_id, status, time.perf_counter() - started)

    def _record_request(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        path = _route_pattern(scope)
        method, service = scope["method"], self.metrics.service
        counted = method if method in COUNTED_METHODS else "OTHER"
        requests, times = self.metrics.request_metrics(counted, path, status)
        requests.inc()
        times.observe(seconds)
        if scope["path"] not in UNLOGGED_PATHS:
            log.info(
                "request",
                service=service,
                method=method,
                path=scope["path"],
                status=status,
                ms=round(seconds * 1000, 1),
                request_id=request_id,
                actor=getattr(scope.get("state", {}).get("actor"), "id", ""),
            )
