"""Traces of requests and jobs, as a collector gets them."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest

from tests.monitoring.collector import Collector, Span, collecting
from tests.processes.conftest import Process, Start
from tests.processes.waiting import eventually
from tests.shell.conftest import clean_environment
from tradeapi.notifications.webhooks.deliveries import DELIVER
from tradeapi.ops.tracing import LONGEST_VALUE

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = f"00-{TRACE}-00f067aa0ba902b7-01"
UNSAMPLED = f"00-{TRACE}-00f067aa0ba902b7-00"
BARS = "GET /api/v1/bars/{symbol}"
SECRET = "tp_Abcd1234_hush1hush2hush3hush4hush5hush6"  # noqa: S105


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def begin(tradeapi: Start, url: str, collector: str, *command: str, ratio: str = "1") -> Process:
    return tradeapi(
        *(command or ("serve", "--port=0")),
        DATABASE_URL=url,
        DEMO="false",
        ROLES="jobs",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector,
        OTEL_TRACES_SAMPLER_ARG=ratio,
        OUTGOING_TO_LOOPBACK="true",
    )


def end(process: Process) -> None:
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(timeout=20) in {0, -signal.SIGTERM}


def one(collector: Collector, name: str) -> Span:
    (span,) = collector.named(name)
    return span


def test_a_request_is_traced_to_its_statements(
    tradeapi: Start, postgres_url: str, collector: Collector
) -> None:
    """Under the name of its route; the log names the same trace, and probes are left out."""
    service = begin(tradeapi, postgres_url, collector.address)
    address = service.address()
    assert httpx2.get(f"{address}/health/ready").status_code == 200
    assert httpx2.get(f"{address}/metrics").status_code == 200
    assert httpx2.get(f"{address}/api/v1/bars/US:AAPL?resolution=1m").status_code == 404
    end(service)
    request = one(collector, BARS)
    assert (request.service, request.parent) == ("tradeapi", "")
    assert {"postgresql"} == {s.attributes.get("db.system") for s in collector.below(request)}
    assert service.has_logged("request", route="/api/v1/bars/{symbol}", trace_id=request.trace)
    assert not [span for span in collector.spans if "health" in span.attributes.get("url.path", "")]
    # What is asked of the database in the background is no trace.
    beginnings = {span.name.partition(":")[0] for span in collector.spans if not span.parent}
    assert beginnings <= {BARS, "cron"}


def test_spans_hold_no_secrets(tradeapi: Start, postgres_url: str, collector: Collector) -> None:
    """Neither tokens in paths or queries, nor what statements are called with, or fail of."""
    service = begin(tradeapi, postgres_url, collector.address)
    address = service.address()
    person = {"email": "ada@example.com", "password": "a sentence nobody guesses"}
    httpx2.post(f"{address}/api/v1/auth/register", json=person).raise_for_status()
    # PostgreSQL tells of the key that there is already.
    assert httpx2.post(f"{address}/api/v1/auth/register", json=person).status_code == 409
    httpx2.get(f"{address}/udf/{SECRET}/config")
    httpx2.get(f"{address}/api/v1/bars/US:AAPL?ticket=hush-hush&token=hush-hush")
    end(service)
    everything = b"".join(collector.bodies)
    assert b"/udf/config" in everything
    assert b"INSERT" in everything
    for secret in (b"hush", b"ada@example.com", b"nobody guesses", b"argon2"):
        assert secret not in everything


def test_what_strangers_send_is_not_kept_whole(
    tradeapi: Start, sqlite_url: str, collector: Collector
) -> None:
    """Thousands of spans wait where the collector is slow, and memory is not without bounds."""
    service = begin(tradeapi, sqlite_url, collector.address)
    address = service.address()
    httpx2.get(f"{address}/api/v1/{'x' * 50_000}", headers={"host": "y" * 20_000})
    end(service)
    values = [value for span in collector.spans for value in span.attributes.values()]
    assert max(map(len, values)) == LONGEST_VALUE


def test_a_callers_trace_goes_on_under_its_id(
    tradeapi: Start, sqlite_url: str, collector: Collector
) -> None:
    """Kept, though its flag says that it is not."""
    service = begin(tradeapi, sqlite_url, collector.address)
    headers = {"traceparent": UNSAMPLED, "baggage": "hush=hush"}
    httpx2.get(f"{service.address()}/api/v1/bars/US:AAPL", headers=headers)
    end(service)
    assert one(collector, BARS).trace == TRACE
    assert service.has_logged("request", route="/api/v1/bars/{symbol}", trace_id=TRACE)


def test_callers_can_not_have_us_keep_traces(
    tradeapi: Start, sqlite_url: str, collector: Collector
) -> None:
    """How many are kept is said by the settings alone."""
    service = begin(tradeapi, sqlite_url, collector.address, ratio="0")
    address = service.address()
    for _ in range(20):
        httpx2.get(f"{address}/api/v1/bars/US:AAPL", headers={"traceparent": SAMPLED})
    end(service)
    assert collector.spans == []


def test_a_job_is_part_of_the_trace_that_asked_for_it(
    tradeapi: Start, postgres_url: str, collector: Collector
) -> None:
    """With its statements; but strangers that it calls are told nothing of that."""
    service = begin(tradeapi, postgres_url, collector.address)
    address = service.address()
    hook = httpx2.post(f"{address}/api/v1/webhooks", json={"url": f"{collector.address}/hook"})
    id = hook.raise_for_status().json()["id"]
    httpx2.post(f"{address}/api/v1/webhooks/{id}/test").raise_for_status()
    eventually(lambda: bool(collector.hooks))
    end(service)
    job = one(collector, DELIVER)
    assert job.trace == one(collector, "POST /api/v1/webhooks/{id}/test").trace
    assert collector.below(job)
    (headers,) = collector.hooks
    assert "webhook-id" in headers
    assert job.trace not in str(headers)
    assert not {"traceparent", "tracestate", "baggage"} & headers.keys()


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_collector_that_is_away_is_not_noticed(
    tradeapi: Start, sqlite_url: str, command: str
) -> None:
    """Requests are answered and jobs done, and the process stops."""
    arguments = ("serve", "--port=0") if command == "serve" else ("worker",)
    service = begin(tradeapi, sqlite_url, "http://127.0.0.1:1", *arguments)
    if command == "serve":
        address = service.address()
        for _ in range(50):
            assert httpx2.get(f"{address}/api/v1/bars/US:AAPL").status_code == 404
    eventually(lambda: service.has_logged("jobs.ready"))
    end(service)


def test_nothing_is_imported_when_there_is_no_collector() -> None:
    """Neither the libraries nor what they need."""
    code = (
        "import sys; from tradeapi.app import create_app; from tradeapi.settings import Settings; "
        "import tradeapi.worker; create_app(Settings(database_url='sqlite:///nowhere.db')); "
        "print([name for name in sys.modules if name.startswith(("
        "'opentelemetry.sdk', 'opentelemetry.exporter', 'opentelemetry.instrumentation', "
        "'requests', 'google.protobuf'))])"
    )
    environment = clean_environment()
    assert subprocess.check_output([sys.executable, "-c", code], env=environment) == b"[]\n"
