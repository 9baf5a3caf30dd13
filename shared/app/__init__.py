"""The service factory: one FastAPI app per service, its server, logs and metrics, health routes and background tasks."""

from shared.app.background import run_periodically
from shared.app.factory import Service, build_app, openapi_with_problems
from shared.app.observability import Metrics, RequestLogMiddleware, configure_logging

__all__ = [
    "Metrics",
    "RequestLogMiddleware",
    "Service",
    "build_app",
    "configure_logging",
    "openapi_with_problems",
    "run_periodically",
]
