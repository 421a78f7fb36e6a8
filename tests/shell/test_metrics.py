"""Metrics of several processes."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.shell.conftest import clean_environment

# Counts, takes one request in and stays.
WORKER = """
import sys
from tradeapi.metrics import (
    BUILD_INFO, CONNECTIONS, FEED_AGE, JOBS_OLDEST, LOOP_LAG, REQUESTS, REQUESTS_IN_PROGRESS,
    REQUEST_SECONDS,
)
for _ in range(int(sys.argv[1])):
    REQUESTS.labels("GET", "/health", 200).inc()
    REQUEST_SECONDS.labels("GET", "/health").observe(0.01)
REQUESTS_IN_PROGRESS.inc()
BUILD_INFO.labels("1.2.3").set(1)
CONNECTIONS.labels("readers", "limit").set(8)
FEED_AGE.labels("US").set(float(sys.argv[1]))
JOBS_OLDEST.labels("note").set(float(sys.argv[1]))
LOOP_LAG.observe(0.2)
print("counted", flush=True)
sys.stdin.read()
"""
SCRAPE = "from tradeapi.metrics import scrape; print(scrape('')[0].decode())"

COUNTER = 'http_requests_total{method="GET",route="/health",status="200"}'
HISTOGRAM = 'http_request_duration_seconds_count{method="GET",route="/health"}'
GAUGE = "http_requests_in_progress"
# What a process says of itself, and what all say of one thing.
OWN = 'database_connections{pool="readers",state="limit"}'
EVERYBODYS = (
    'tradeapi_build_info{version="1.2.3"}',
    'feed_age_seconds{exchange="US"}',
    'jobs_oldest_seconds{name="note"}',
)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return clean_environment(PROMETHEUS_MULTIPROC_DIR=str(tmp_path))


@pytest.fixture
def workers(environment: dict[str, str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two processes that counted 2 and 3 requests and are answering one each."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, count],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for count in ("2", "3")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"counted\n"
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def scraped(environment: dict[str, str]) -> dict[str, float]:
    """What a third process, which took the scrape, answers."""
    text = subprocess.check_output([sys.executable, "-c", SCRAPE], env=environment, text=True)
    return {
        name: float(value) for name, value in re.findall(r"^(\w\S*) (\S+)$", text, re.MULTILINE)
    }


@pytest.mark.usefixtures("workers")
def test_two_processes_are_summed_up(environment: dict[str, str]) -> None:
    """Whichever of them is asked."""
    metrics = scraped(environment)
    assert (metrics[COUNTER], metrics[HISTOGRAM], metrics[GAUGE]) == (5, 5, 2)
    assert (metrics[OWN], metrics["event_loop_lag_seconds_count"]) == (16, 2)
    assert [metrics[name] for name in EVERYBODYS] == [1, 3, 3]


def test_a_killed_process_leaves_its_counts_only(
    workers: list[subprocess.Popen[bytes]], environment: dict[str, str]
) -> None:
    """Its requests were answered, but it is answering none any more."""
    workers[1].kill()
    workers[1].wait()
    metrics = scraped(environment)
    assert (metrics[COUNTER], metrics[HISTOGRAM], metrics[GAUGE]) == (5, 5, 1)
    assert (metrics[OWN], metrics["event_loop_lag_seconds_count"]) == (8, 2)
    assert [metrics[name] for name in EVERYBODYS] == [1, 2, 2]


def test_no_series_names_a_process(
    workers: list[subprocess.Popen[bytes]], environment: dict[str, str]
) -> None:
    """Such series would pile up with each restart."""
    text = " ".join(scraped(environment))
    assert "pid=" not in text
    assert all(str(process.pid) not in text for process in workers)


def test_the_path_is_a_setting(serve_app: Callable[..., httpx2.Client]) -> None:
    """METRICS_PATH moves it away."""
    client = serve_app(metrics_path="/internal/metrics")
    assert "http_requests_total" in client.get("/internal/metrics").text
    assert client.get("/metrics").status_code == 404


def test_openmetrics_on_request(client: httpx2.Client) -> None:
    """Newer scrapers ask for it."""
    response = client.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
