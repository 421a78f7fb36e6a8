"""The live stream in figures: two looks at a service's metrics, and what lies between them."""

import time
from collections.abc import Mapping

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tradeapi.errors import Unavailable

# Of a sample: its name and its labels.
Key = tuple[str, tuple[tuple[str, str], ...]]
Samples = Mapping[Key, float]

_GAUGES = ("stream_clients", "stream_subscriptions", "bus_live")
_RATES = (
    "stream_deliveries_total",
    "stream_conflated_total",
    "stream_resumes_total",
    "stream_closed_total",
    "bus_events_published_total",
    "bus_events_received_total",
    "bus_events_dropped_total",
)
_DELAYS = ("stream_lag_seconds", "bus_lag_seconds")
QUANTILES = (0.5, 0.99)


def look(url: str, api_key: str | None, seconds: float) -> tuple[Samples, Samples, float]:
    """The samples now and so many seconds later; raises Unavailable."""
    headers = {"X-API-Key": api_key} if api_key else {}
    with httpx2.Client(headers=headers, timeout=10) as client:
        first, began = _read(client, url), time.monotonic()
        time.sleep(seconds)
        return first, _read(client, url), time.monotonic() - began


def table(first: Samples, second: Samples, seconds: float) -> str:
    """A line for each figure: what there is, what is done a second, and how late it is."""
    lines = [
        *(_line(key, f"{second[key]:.0f}") for key in second if key[0] in _GAUGES),
        *(
            _line(key, f"{(value - first.get(key, 0)) / seconds:.1f}/s")
            for key, value in second.items()
            if key[0] in _RATES
        ),
        *(line for name in _DELAYS for line in _delays(name, first, second)),
    ]
    return "\n".join(lines) or "The service tells nothing of a stream."


def _line(key: Key, value: str) -> str:
    name, labels = key
    named = ",".join(f"{label}={value}" for label, value in labels)
    return f"{f'{name} {named}'.strip():44} {value:>12}"


def _delays(name: str, first: Samples, second: Samples) -> list[str]:
    """The quantiles of what was observed between the two looks, as the buckets bound them."""
    counts = {
        float(dict(labels)["le"]): value - first.get((sample, labels), 0)
        for (sample, labels), value in second.items()
        if sample == f"{name}_bucket"
    }
    total = max(counts.values(), default=0)
    if not total:
        return []
    return [
        _line((name, (("quantile", str(quantile)),)), f"<= {_bound(counts, quantile * total):g} s")
        for quantile in QUANTILES
    ]


def _bound(counts: Mapping[float, float], rank: float) -> float:
    return min(bound for bound, count in counts.items() if count >= rank)


def _read(client: httpx2.Client, url: str) -> Samples:
    try:
        answer = client.get(url)
    except httpx2.HTTPError as error:
        raise Unavailable(f"{url} does not answer: {error}.") from error
    if answer.status_code != httpx2.codes.OK:
        raise Unavailable(f"{url} answers with {answer.status_code}; see --api-key and --path.")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
