"""One trace leads from the gateway through a service to the service that is told of the event."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.traces import enable_tracing
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import ProjectScenario

OUTSIDE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Keeps all spans; a provider can be set once in a process."""
    found = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    trace.set_tracer_provider(provider)
    return found


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    exporter.clear()
    enable_tracing()
    yield exporter
    enable_tracing(enabled=False)


def _list_spans(exporter: InMemorySpanExporter, trace_id: int | None = None) -> list[tuple[str, str]]:
    """Service and name of each of our spans, of one trace or of all; libraries make spans of their own."""
    return [
        (str((span.attributes or {})["xianjie.service"]), span.name)
        for span in exporter.get_finished_spans()
        if span.instrumentation_scope is not None
        and span.instrumentation_scope.name == "xianjie"
        and trace_id in {None, span.context.trace_id}
    ]


async def test_a_trace_is_followed_through_gateway_service_and_event(
    doors: SystemUnderTest, clock: Clock, spans: InMemorySpanExporter
) -> None:
    scenario = ProjectScenario(doors, clock)
    project = await scenario.create_draft()
    await scenario.attach_document(project["id"], "minutes")
    spans.clear()

    await scenario.clerk.post(f"/projects/{project['id']}/declare", json={}, headers={"traceparent": OUTSIDE})
    await doors.deliver_events()

    found = _list_spans(spans, int(OUTSIDE.split("-")[1], 16))
    assert ("projects", "POST /api/v1/projects/{project_id}/{action}") in found
    assert ("funds", "event project.moved") in found
    assert ("assets", "event project.moved") in found


async def test_the_gateway_hands_the_trace_on(doors: SystemUnderTest, spans: InMemorySpanExporter) -> None:
    gateway = doors.service("gateway").client_as("bureau")

    await gateway.get("/home", headers={"traceparent": OUTSIDE, "Host": "127.0.0.1"})

    asked = {service for service, _ in _list_spans(spans, int(OUTSIDE.split("-")[1], 16))}
    assert {"gateway", "projects", "funds"} <= asked


async def test_nothing_is_recorded_while_tracing_is_off(
    doors: SystemUnderTest, exporter: InMemorySpanExporter
) -> None:
    exporter.clear()

    await doors.service("funds").client_as("bureau").get("/funds/sources")

    assert _list_spans(exporter) == []
