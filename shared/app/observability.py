"""Request ids, one structured log line per request, Prometheus metrics."""

import logging
import re
import sys
import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import traces
from shared.clients import propagation
from shared.db import StatementCount, count_statements, new_id
from shared.metrics import PROCESS_METRICS

_SAFE_ID = re.compile(r"[A-Za-z0-9_.:-]{8,80}")
TIME_LEFT_HEADER_BYTES = propagation.TIME_LEFT_HEADER.lower().encode()
log = structlog.get_logger("access")
COUNTED_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods with a metric label of their own; others are counted as OTHER, so that clients cannot create labels."""
UNLOGGED_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


def configure_logging(level: str) -> None:
    """Configure structlog: JSON lines on standard error from this level up."""
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
    """Request metrics of one service, with its own registry, so that several services fit in one process."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.service = service
        self._kinds: dict[tuple[str, str, int], tuple[Counter, Histogram, Counter]] = {}
        self.requests = Counter(
            "http_requests",
            "Requests answered",
            ("service", "method", "route", "status"),
            registry=self.registry,
        )
        self.statements = Counter(
            "http_request_sql_statements",
            "SQL statements sent to answer requests",
            ("service", "method", "route"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "http_request_duration_seconds",
            "Time to answer",
            ("service", "method", "route"),
            registry=self.registry,
        )

    def request_metrics(self, method: str, route: str, status: int) -> tuple[Counter, Histogram, Counter]:
        """The counters and the histogram of one (method, route, status), created on first use."""
        metrics = self._kinds.get((method, route, status))
        if metrics is None:
            metrics = self._kinds[method, route, status] = (
                self.requests.labels(self.service, method, route, str(status)),
                self.seconds.labels(self.service, method, route),
                self.statements.labels(self.service, method, route),
            )
        return metrics

    def render(self, *others: Collector) -> Response:
        """The metrics of the service, of its process and of further collectors in Prometheus text format."""
        text = b"".join(generate_latest(one) for one in (self.registry, PROCESS_METRICS, *others))
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _route_pattern(scope: Scope) -> str:
    """The path with parameter values replaced by their names, which bounds the number of metrics."""
    if "endpoint" not in scope:
        return str(scope.get("state", {}).get("handed_to", "unmatched"))
    names = {str(value): name for name, value in scope.get("path_params", {}).items()}
    parts = (f"{{{names[part]}}}" if part in names else part for part in scope["path"].split("/"))
    return "/".join(parts)


def _statement_number(scope: Scope) -> int:
    """How many SQL statements the request sent to this service's database."""
    counted: StatementCount | None = scope["state"].get("statements")
    return 0 if counted is None else counted.number


def _read_propagation_headers(scope: Scope) -> tuple[str, str]:
    """The values of X-Request-ID and X-Time-Left, empty when absent."""
    request_id = time_left = b""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            request_id = value
        elif name == TIME_LEFT_HEADER_BYTES:
            time_left = value
    return request_id.decode("latin-1"), time_left.decode("latin-1")


class RequestLogMiddleware:
    """ASGI middleware: assigns each request an id, measures it and logs one line."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the next app and record status and duration."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent_id, time_left = _read_propagation_headers(scope)
        request_id = sent_id if _SAFE_ID.fullmatch(sent_id) else str(new_id())
        id_header = (b"x-request-id", request_id.encode("latin-1"))
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                others = [header for header in message.get("headers", ()) if header[0] != id_header[0]]
                message["headers"] = [*others, id_header]
            await send(message)

        try:
            with (
                propagation.bind_request(request_id, time_left),
                count_statements() as counted,
                traces.request_span(self.metrics.service, scope["method"], scope["headers"]) as span,
            ):
                scope["state"]["statements"] = counted
                await self.app(scope, receive, send_with_id)
                if span is not None:
                    traces.name_request(span, scope["method"], _route_pattern(scope), status)
        finally:
            self._record_request(scope, request_id, status, time.perf_counter() - started)

    def _record_request(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        path = _route_pattern(scope)
        method, service = scope["method"], self.metrics.service
        label = method if method in COUNTED_METHODS else "OTHER"
        requests, times, statements = self.metrics.request_metrics(label, path, status)
        number = _statement_number(scope)
        requests.inc()
        times.observe(seconds)
        statements.inc(number)
        if scope["path"] not in UNLOGGED_PATHS:
            log.info(
                "request",
                service=service,
                method=method,
                path=scope["path"],
                status=status,
                ms=round(seconds * 1000, 1),
                statements=number,
                request_id=request_id,
                actor=getattr(scope.get("state", {}).get("actor"), "id", ""),
            )
