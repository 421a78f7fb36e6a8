"""Writes the dashboards beside it: `python monitoring/grafana/dashboards.py`.

All panels are of one kind, a graph over time, so that what there is to say of one is its line here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("dashboards")
SOURCE = {"type": "prometheus", "uid": "prometheus"}
# Grafana's grid has 24 columns.
WIDTH, HEIGHT = 8, 8
OF = 'job=~"$job"'
CALLED = f'{OF},route!~"/health.*|/metrics|/api/v1/stream"'


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph of these expressions; the text beside each names its lines."""

    title: str
    unit: str
    lines: Sequence[tuple[str, str]]


def per_second(metric: str, by: str, labels: str = OF) -> tuple[str, str]:
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))", f"{{{{{by}}}}}"


def quantiles(histogram: str, labels: str = OF) -> list[tuple[str, str]]:
    buckets = f"sum by (le) (rate({histogram}_bucket{{{labels}}}[$__rate_interval]))"
    return [
        (f"histogram_quantile({quantile}, {buckets})", f"p{quantile * 100:g}")
        for quantile in (0.5, 0.95, 0.99)
    ]


def by_instance(metric: str, labels: str = OF) -> tuple[str, str]:
    return f"sum by (instance) ({metric}{{{labels}}})", "{{instance}}"


HITS, _ = per_second("cache_hits_total", "cache")
MISSES, _ = per_second("cache_misses_total", "cache")
DASHBOARDS: Mapping[str, Sequence[Panel]] = {
    "overview": [
        Panel("Processes that answer", "short", [("sum by (job) (up)", "{{job}}")]),
        Panel(
            "Versions that run",
            "short",
            [(f"count by (version) (tradeapi_build_info{{{OF}}})", "{{version}}")],
        ),
        Panel(
            "Alerts that fire",
            "short",
            [('count by (severity) (ALERTS{alertstate="firing"})', "{{severity}}")],
        ),
        Panel("Requests", "reqps", [per_second("http_requests_total", "status", CALLED)]),
        Panel(
            "Requests that fail",
            "percentunit",
            [("tradeapi:request_errors:ratio_rate5m", "5xx"), ("0.001", "objective")],
        ),
        Panel("Time of requests", "s", quantiles("http_request_duration_seconds", CALLED)),
        Panel("Routes", "reqps", [per_second("http_requests_total", "route", CALLED)]),
        Panel(
            "Reads of bars over 250 ms",
            "percentunit",
            [("tradeapi:bars_slow:ratio_rate5m", "slow"), ("0.01", "objective")],
        ),
        Panel("Requests under way", "short", [by_instance("http_requests_in_progress")]),
        Panel(
            "Event loop: late by (p99)",
            "s",
            [("tradeapi:event_loop_lag_seconds:p99_5m", "{{instance}}")],
        ),
        Panel("CPU", "percentunit", [per_second("process_cpu_seconds_total", "instance")]),
        Panel("Memory", "bytes", [by_instance("process_resident_memory_bytes")]),
        Panel("Refused by rate limits", "reqps", [per_second("rate_limit_hits_total", "policy")]),
        Panel("Logins", "reqps", [per_second("auth_logins_total", "outcome")]),
        Panel("Logins under way", "short", [(f"max(auth_active_sessions{{{OF}}})", "sessions")]),
    ],
    "streams": [
        Panel("Clients", "short", [by_instance("stream_clients")]),
        Panel(
            "Topics followed",
            "short",
            [(f"sum by (kind) (stream_subscriptions{{{OF}}})", "{{kind}}")],
        ),
        Panel("Frames sent", "ops", [per_second("stream_deliveries_total", "instance")]),
        Panel("From write to socket", "s", quantiles("stream_lag_seconds")),
        Panel(
            "Frames that newer ones replaced",
            "ops",
            [per_second("stream_conflated_total", "instance")],
        ),
        Panel("Sockets closed by us", "ops", [per_second("stream_closed_total", "code")]),
        Panel("Clients that came back", "ops", [per_second("stream_resumes_total", "outcome")]),
        Panel("News is live", "short", [(f"min by (instance) (bus_live{{{OF}}})", "{{instance}}")]),
        Panel("Through Redis", "s", quantiles("bus_lag_seconds")),
        Panel(
            "Events",
            "ops",
            [
                (f"sum(rate(bus_events_published_total{{{OF}}}[$__rate_interval]))", "published"),
                (f"sum(rate(bus_events_received_total{{{OF}}}[$__rate_interval]))", "received"),
                (f"sum(rate(bus_events_dropped_total{{{OF}}}[$__rate_interval]))", "dropped"),
            ],
        ),
    ],
    "market-data": [
        Panel("Ticks", "ops", [per_second("ticks_ingested_total", "instance")]),
        Panel("Bars", "ops", [per_second("bars_ingested_total", "instance")]),
        Panel(
            "No trade for",
            "s",
            [(f"max by (exchange) (feed_age_seconds{{{OF}}})", "{{exchange}}")],
        ),
        Panel(
            "Leases held by",
            "short",
            [(f"sum by (lease, instance) (lease_held{{{OF}}}) > 0", "{{lease}} {{instance}}")],
        ),
        Panel("Leases taken", "ops", [per_second("lease_takeovers_total", "lease")]),
        Panel("Alerts watched", "short", [by_instance("alerts_watched")]),
        Panel("Alerts fired", "ops", [per_second("alerts_fired_total", "instance")]),
        Panel("From commit to firing", "s", quantiles("alert_lag_seconds")),
        Panel("Levels of indices", "ops", [per_second("index_ticks_total", "instance")]),
        Panel("Oldest level", "s", [(f"max(index_level_age_seconds{{{OF}}})", "age")]),
        Panel(
            "Answers that were kept",
            "percentunit",
            [(f"{HITS} / ({HITS} + {MISSES})", "{{cache}}")],
        ),
        Panel("Caches", "bytes", [(f"sum by (cache) (cache_bytes{{{OF}}})", "{{cache}}")]),
    ],
    "jobs": [
        Panel("Waiting", "short", [(f"max by (name) (jobs_waiting{{{OF}}})", "{{name}}")]),
        Panel("Oldest", "s", [(f"max by (name) (jobs_oldest_seconds{{{OF}}})", "{{name}}")]),
        Panel("Given up", "short", [(f"max by (name) (jobs_dead{{{OF}}})", "{{name}}")]),
        Panel("Done", "ops", [per_second("jobs_done_total", "name")]),
        Panel("Tried again", "ops", [per_second("jobs_retried_total", "name")]),
        Panel("Failed", "ops", [per_second("jobs_failed_total", "name")]),
        Panel("Webhooks", "ops", [per_second("webhook_deliveries_total", "result")]),
        Panel("Time of webhooks", "s", quantiles("webhook_delivery_seconds")),
        Panel("Pushes", "ops", [per_second("push_deliveries_total", "result")]),
        Panel("Time of pushes", "s", quantiles("push_delivery_seconds")),
    ],
    "database": [
        Panel(
            "Connections in use",
            "percentunit",
            [("tradeapi:database_connections:used_ratio", "{{pool}} {{instance}}")],
        ),
        Panel(
            "Callers who wait for one",
            "short",
            [
                (
                    f'sum by (pool) (database_connections{{{OF},state="waiting"}})',
                    "{{pool}}",
                )
            ],
        ),
        Panel("For how long", "s", quantiles("database_connection_wait_seconds")),
        Panel(
            "Connections",
            "short",
            [
                (
                    f'sum by (pool) (database_connections{{{OF},state="in_use"}})',
                    "{{pool}}",
                ),
                (f'sum(database_connections{{{OF},state="limit"}})', "limit of all"),
            ],
        ),
    ],
}


def dashboard(name: str, panels: Sequence[Panel]) -> dict[str, Any]:
    title = name.replace("-", " ").capitalize()
    return {
        "uid": f"tradeapi-{name}",
        "title": title,
        "tags": ["tradeapi"],
        "schemaVersion": 41,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_jobs()]},
        "links": [
            {"type": "dashboards", "title": "tradeapi", "tags": ["tradeapi"], "asDropdown": True}
        ],
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _jobs() -> dict[str, Any]:
    query = "label_values(tradeapi_build_info, job)"
    return {
        "name": "job",
        "label": "Processes",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": "job"},
        "definition": query,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "refresh": 2,
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, 24 // WIDTH)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": expr, "legendFormat": of}
            for index, (expr, of) in enumerate(panel.lines)
        ],
    }


def files() -> Iterator[tuple[Path, str]]:
    for name, panels in DASHBOARDS.items():
        yield FOLDER / f"{name}.json", json.dumps(dashboard(name, panels), indent=1) + "\n"


if __name__ == "__main__":
    for path, text in files():
        path.write_text(text)
