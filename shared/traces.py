"""Traces by OpenTelemetry, sent when OTEL_EXPORTER_OTLP_ENDPOINT is set (OTLP over HTTP); otherwise nothing is loaded.

A trace leads from the gateway through the services that it asks (W3C `traceparent`) and, by the events that a request
wrote, to the services that are told of them. The log keeps no trace: this process remembers those of its latest events and
sends them along with a delivery. An event that another replica delivers begins a trace of its own.
"""

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from opentelemetry.trace import Span

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
EVENT_TRACES_HEADER = "X-Event-Traces"
"""Header of a delivery: `event id=traceparent`, separated by commas, of the events whose trace is known."""
PARENT_HEADER = "traceparent"
MAX_REMEMBERED_EVENTS = 10_000
STATUS_SERVER_ERROR = 500
_event_traces: OrderedDict[object, str] = OrderedDict()
_state = {"enabled": False}


def enable_tracing(*, enabled: bool = True) -> None:
    """Record spans from now on, by the provider that is set; without, a request pays nothing for tracing."""
    _state["enabled"] = enabled


def configure_tracing(service: str) -> None:
    """Send the traces of this process to the collector that the environment names, if it names one."""
    if not os.environ.get(ENDPOINT_VARIABLE):
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    enable_tracing()


@contextmanager
def _start_span(name: str, parent: str, service: str, *, from_event: bool) -> Iterator["Span"]:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract({PARENT_HEADER: parent}) if parent else None
    kind = trace.SpanKind.CONSUMER if from_event else trace.SpanKind.SERVER
    tracer = trace.get_tracer("xianjie")
    with tracer.start_as_current_span(name, context, kind, {"xianjie.service": service}) as span:
        yield span


@contextmanager
def request_span(
    service: str, method: str, headers: Iterable[tuple[bytes, bytes]]
) -> Iterator["Span | None"]:
    """The span of a request that a service answers, in the trace that its headers name; None while tracing is off."""
    if not _state["enabled"]:
        yield None
        return
    parent = next((value for name, value in headers if name == PARENT_HEADER.encode()), b"")
    with _start_span(method, parent.decode("latin-1"), service, from_event=False) as span:
        yield span


def name_request(span: "Span", method: str, route: str, status: int) -> None:
    """Say which route the request was for, and how it ended."""
    from opentelemetry.trace import Status, StatusCode

    span.update_name(f"{method} {route}")
    span.set_attributes(
        {"http.request.method": method, "http.route": route, "http.response.status_code": status}
    )
    if status >= STATUS_SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))


def inject_trace(headers: MutableMapping[str, str]) -> None:
    """Add the current trace to the headers of a request to another service."""
    if _state["enabled"]:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(headers)


def remember_events(events: Iterable[object]) -> None:
    """Keep the current trace for events (ids) that were written in it."""
    carrier: dict[str, str] = {}
    inject_trace(carrier)
    if PARENT_HEADER not in carrier:
        return
    for event in events:
        _event_traces[event] = carrier[PARENT_HEADER]
    while len(_event_traces) > MAX_REMEMBERED_EVENTS:
        _event_traces.popitem(last=False)


def event_trace_headers(events: Iterable[UUID]) -> dict[str, str]:
    """The header of a delivery with the traces of its events; empty when none is known."""
    known = [f"{event}={_event_traces[event]}" for event in events if event in _event_traces]
    return {EVENT_TRACES_HEADER: ",".join(known)} if known else {}


@contextmanager
def event_span(service: str, topic: str, event: UUID, traces: Mapping[str, str]) -> Iterator[None]:
    """The span of an event that a service handles, in the trace of the request that wrote it."""
    if not _state["enabled"]:
        yield
        return
    with _start_span(f"event {topic}", traces.get(str(event), ""), service, from_event=True) as span:
        span.set_attribute("messaging.message.id", str(event))
        yield


def read_event_traces(header: str) -> dict[str, str]:
    """The traces in a delivery's header by event id; what is malformed is left out."""
    pairs = (part.partition("=") for part in header.split(","))
    return {event.strip(): parent for event, sign, parent in pairs if sign}
