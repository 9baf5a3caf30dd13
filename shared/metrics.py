"""Counters of this process that many parts write to; `/metrics` of every service in it shows them (shared/app/observability.py).

Names follow Prometheus: base units, `_total` of counters, a prefix of our own where no convention names the thing.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge

PROCESS_METRICS = CollectorRegistry()
DATABASE_REFUSALS = Counter(
    "xianjie_database_refusals",
    "Statements refused by reason: busy (lock, serialization), away (server, disk), pool (no free connection)",
    ("reason",),
    registry=PROCESS_METRICS,
)
FILE_STORE_FAILURES = Counter(
    "xianjie_file_store_failures", "Contents that could not be stored", registry=PROCESS_METRICS
)
TASK_RUNS = Counter(
    "xianjie_background_task_runs",
    "Iterations of background tasks by result: ok or failed",
    ("service", "task", "result"),
    registry=PROCESS_METRICS,
)
TASK_SUCCESS = Gauge(
    "xianjie_background_task_last_success_timestamp_seconds",
    "When a background task last ended well",
    ("service", "task"),
    registry=PROCESS_METRICS,
)
OVERLOAD_REFUSALS = Counter(
    "xianjie_overload_refusals",
    "Requests refused because they would have waited too long",
    registry=PROCESS_METRICS,
)
EXPECTED_WAIT = Gauge(
    "xianjie_expected_wait_seconds", "How long a request that comes now would take", registry=PROCESS_METRICS
)
IN_PROGRESS = Gauge(
    "xianjie_requests_in_progress", "Requests of the door under way", registry=PROCESS_METRICS
)
SYNC_VERDICTS = Counter(
    "xianjie_sync_verdicts", "Items of phones' batches by verdict", ("verdict",), registry=PROCESS_METRICS
)
