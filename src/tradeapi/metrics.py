"""Every metric there is, and the text Prometheus scrapes, right with several processes too.

With several processes `PROMETHEUS_MULTIPROC_DIR` names an empty folder they share; it must be in
the environment before Python starts. There a gauge needs an explicit `multiprocess_mode` of live
processes, since the others keep what a dead process last said.
"""

import os
from contextlib import suppress
from pathlib import Path

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.openmetrics import exposition as openmetrics

if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    # The library writes there as soon as there is a metric, and does not make it.
    Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True)

# They would double the number of series, for times that nobody graphs.
disable_created_metrics()  # type: ignore[no-untyped-call]

REQUESTS = Counter("http_requests_total", "HTTP requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "http_request_duration_seconds", "Time from request to last byte.", ["method", "route"]
)
REQUESTS_IN_PROGRESS = Gauge(
    "http_requests_in_progress", "HTTP requests being answered.", multiprocess_mode="livesum"
)
REQUESTS_SHED = Counter(
    "requests_shed_total", "Requests that were refused because too much was asked.", ["reason"]
)

# Neither Info nor Enum works with several processes.
BUILD_INFO = Gauge(
    "tradeapi_build_info", "1, of the version that runs.", ["version"], multiprocess_mode="livemax"
)
LOOP_LAG = Histogram(
    "event_loop_lag_seconds",
    "How much later than it should have the event loop came back, looked at twice a second.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
CONNECTIONS = Gauge(
    "database_connections",
    "Connections to the database: in_use, waiting for one, and the limit.",
    ["pool", "state"],
    multiprocess_mode="livesum",
)
CONNECTION_WAIT = Histogram(
    "database_connection_wait_seconds",
    "How long those waited for a connection who found none that was free.",
    ["pool"],
)

BARS_INGESTED = Counter("bars_ingested_total", "Bars inserted or changed by posts and imports.")
TICKS_INGESTED = Counter("ticks_ingested_total", "Ticks taken into bars.")
FEED_AGE = Gauge(
    "feed_age_seconds",
    "For how long no trade has come of an exchange in session; 0 while it is closed.",
    ["exchange"],
    multiprocess_mode="livemax",
)

CHARTS_EXPIRED = Counter(
    "charts_expired_total", "Charts without an account behind them that nobody asked for in time."
)

CACHE_HITS = Counter("cache_hits_total", "Answers that a cache had.", ["cache"])
CACHE_MISSES = Counter("cache_misses_total", "Answers that had to be made.", ["cache"])
CACHE_ENTRIES = Gauge(
    "cache_entries", "What a cache holds.", ["cache"], multiprocess_mode="livesum"
)
CACHE_BYTES = Gauge(
    "cache_bytes", "How much that is, where it is known.", ["cache"], multiprocess_mode="livesum"
)

REPLICA_LAG = Gauge(
    "database_replica_lag_seconds",
    "How far the read replica is behind; infinite while it is not used.",
    multiprocess_mode="livemax",
)
REPLICA_READS = Counter(
    "database_replica_reads_total", "Reads of history, by who has answered.", ["server"]
)

LOGINS = Counter("auth_logins_total", "Attempts to log in.", ["outcome"])
ACTIVE_SESSIONS = Gauge(
    "auth_active_sessions", "Logins that have not ended.", multiprocess_mode="livemax"
)
LIMIT_HITS = Counter("rate_limit_hits_total", "Requests refused by a rate limit.", ["policy"])
LIMIT_FALLBACKS = Counter(
    "rate_limit_fallbacks_total", "Requests counted in this process because Redis was away."
)

BUS_LIVE = Gauge(
    "bus_live", "1 while news of other processes comes, else 0.", multiprocess_mode="livemin"
)
BUS_LAG = Histogram("bus_lag_seconds", "Time from an event's way into Redis to its way out.")
BUS_PUBLISHED = Counter("bus_events_published_total", "Events that Redis has taken.")
BUS_RECEIVED = Counter("bus_events_received_total", "Events of other processes.")
BUS_DROPPED = Counter("bus_events_dropped_total", "Events that were not sent, or unreadable.")
LEASE_HELD = Gauge(
    "lease_held", "Whether a lease is held here, 0 or 1.", ["lease"], multiprocess_mode="livesum"
)
LEASE_TAKEOVERS = Counter("lease_takeovers_total", "Leases taken here.", ["lease"])

JOBS_DONE = Counter("jobs_done_total", "Background jobs done here.", ["name"])
JOBS_RETRIED = Counter("jobs_retried_total", "Failures of jobs that are tried again.", ["name"])
JOBS_FAILED = Counter("jobs_failed_total", "Jobs that were given up here.", ["name"])
JOBS_WAITING = Gauge(
    "jobs_waiting", "Jobs that nobody has begun.", ["name"], multiprocess_mode="livemax"
)
JOBS_OLDEST = Gauge(
    "jobs_oldest_seconds",
    "For how long the oldest of them is due.",
    ["name"],
    multiprocess_mode="livemax",
)
JOBS_DEAD = Gauge(
    "jobs_dead", "Jobs kept because they were given up.", ["name"], multiprocess_mode="livemax"
)

# Without a label they would be 0 before there is anything to say.
BACKUP_AGE = Gauge(
    "backup_age_seconds",
    "Since the newest backup was begun.",
    ["store"],
    multiprocess_mode="livemostrecent",
)
BACKUP_OK = Gauge(
    "backup_last_ok",
    "Whether the last attempt to make one has succeeded, 0 or 1.",
    ["store"],
    multiprocess_mode="livemostrecent",
)
BACKUP_BYTES = Gauge(
    "backup_size_bytes", "Of the newest backup.", ["store"], multiprocess_mode="livemostrecent"
)
BACKUP_SECONDS = Gauge(
    "backup_duration_seconds",
    "What making it has taken.",
    ["store"],
    multiprocess_mode="livemostrecent",
)
BACKUP_DRILL_AGE = Gauge(
    "backup_drill_age_seconds",
    "Since the newest drill that has succeeded was begun.",
    ["store"],
    multiprocess_mode="livemostrecent",
)
BACKUP_DRILL_OK = Gauge(
    "backup_drill_last_ok",
    "Whether the last drill has succeeded, 0 or 1.",
    ["store"],
    multiprocess_mode="livemostrecent",
)

STREAM_CLIENTS = Gauge("stream_clients", "Sockets open.", multiprocess_mode="livesum")
STREAM_SUBSCRIPTIONS = Gauge(
    "stream_subscriptions", "Topics followed by sockets.", ["kind"], multiprocess_mode="livesum"
)
STREAM_DELIVERIES = Counter("stream_deliveries_total", "Frames sent to sockets.")
STREAM_CONFLATED = Counter(
    "stream_conflated_total", "Frames that newer ones replaced before they were sent."
)
STREAM_RESUMES = Counter(
    "stream_resumes_total", "Positions that clients came back with.", ["outcome"]
)
STREAM_CLOSED = Counter("stream_closed_total", "Sockets that we closed.", ["code"])
STREAM_LAG = Histogram(
    "stream_lag_seconds", "Time from a change's write to its hand-over to the sockets."
)

ALERTS_WATCHED = Gauge("alerts_watched", "Alerts that are watched.", multiprocess_mode="livesum")
ALERTS_FIRED = Counter("alerts_fired_total", "Firings of alerts that were written.")
ALERT_LAG = Histogram(
    "alert_lag_seconds",
    "From the commit of what an alert fires for to the commit of its firing.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)

INDEX_TICKS = Counter("index_ticks_total", "Levels of indices told during their sessions.")
INDEX_LEVEL_AGE = Gauge(
    "index_level_age_seconds",
    "Age of the oldest of the newest levels of indices in session.",
    multiprocess_mode="livemax",
)

WEBHOOK_DELIVERIES = Counter("webhook_deliveries_total", "Attempts to send.", ["result"])
WEBHOOK_SECONDS = Histogram("webhook_delivery_seconds", "Time from a request to its answer.")

PUSH_DELIVERIES = Counter("push_deliveries_total", "Attempts to push.", ["result"])
PUSH_SECONDS = Histogram("push_delivery_seconds", "Time from a push to its answer.")


def scrape(accept: str) -> tuple[bytes, str]:
    """All processes' metrics and their content type; reads files, so call it in a thread."""
    # The library's own choice breaks at odd versions in `Accept`, and answers with them.
    is_open = "application/openmetrics-text" in accept
    encode = openmetrics.generate_latest if is_open else generate_latest
    content_type = openmetrics.CONTENT_TYPE_LATEST if is_open else CONTENT_TYPE_PLAIN_0_0_4
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return encode(REGISTRY), content_type
    forget_dead_processes(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return encode(registry), content_type


def forget_dead_processes(folder: Path) -> None:
    """Drop the live gauges of processes that were killed before they could do so themselves."""
    for file in folder.glob("gauge_live*_*.db"):
        process = int(file.stem.rpartition("_")[2])
        # Another scrape may be at it at the same time.
        with suppress(FileNotFoundError):
            if not _is_alive(process):
                mark_process_dead(process, path=str(folder))  # type: ignore[no-untyped-call]


def forget_everything(folder: Path) -> None:
    """What an earlier run left would be added to ours."""
    for file in folder.glob("*.db"):
        file.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
