"""Bars as files."""

import csv
import gzip
from collections.abc import Callable
from io import BytesIO, StringIO

import brotli  # type: ignore[import-untyped]
import numpy as np
import pytest
import zstandard
from pyarrow import parquet
from starlette.testclient import TestClient

from tests.market.bars_http import BARS, NAMES, code, get, post
from tests.market.places import DAY, TODAY, flat

SYMBOL = "US:A.B-C"
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
MINUTES = [
    (TODAY - 60 * k, 0.1 + k, 1e5 + 1 / 3 + k, 1e-7, 0.1 + k, 1e15 + k)
    for k in reversed(range(25_000))
]


@pytest.fixture
def symbol(client: TestClient) -> str:
    client.put(f"/api/v1/symbols/{SYMBOL}", json={})
    post(client, SYMBOL, "1d", *(flat(TODAY - k * DAY, 100 - k, k) for k in range(5)))
    return SYMBOL


def test_daily_bars_as_csv(client: TestClient, symbol: str) -> None:
    """By their days, with a name that file systems take."""
    answer = client.get(f"{BARS}/{symbol}?format=csv&end=2024-06-10")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    disposition = 'attachment; filename="US_A.B-C_1d.csv"'
    assert answer.headers["content-disposition"] == disposition
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.text == (
        "time,open,high,low,close,volume\n"
        "2024-06-06,96,96,96,96,4\n"
        "2024-06-07,97,97,97,97,3\n"
        "2024-06-08,98,98,98,98,2\n"
        "2024-06-09,99,99,99,99,1\n"
    )


def test_a_file_has_all_bars_in_range_bit_by_bit(client: TestClient, symbol: str) -> None:
    """However many pages that takes; a limit is one all the same."""
    for start in range(0, len(MINUTES), 12_500):
        post(client, symbol, "1m", *MINUTES[start : start + 12_500])
    url = f"{BARS}/{symbol}?resolution=1m"
    rows = list(csv.reader(StringIO(client.get(f"{url}&format=csv").text)))
    assert tuple(rows[0]) == NAMES
    assert rows[-1][0] == "2024-06-10 00:00:00Z"
    assert [tuple(map(float, row[1:])) for row in rows[1:]] == [row[1:] for row in MINUTES]
    answer = client.get(f"{url}&format=parquet&start={MINUTES[3][0]}&end={MINUTES[-3][0]}")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    table = parquet.read_table(BytesIO(answer.content))
    assert tuple(table.column_names) == NAMES
    assert str(table.schema.field("time").type) == "timestamp[ms, tz=UTC]"
    seconds = table["time"].cast("int64").to_numpy() // 1000
    columns = [seconds, *(table[name].to_numpy() for name in NAMES[1:])]
    for found, expected in zip(columns, np.array(MINUTES[3:-3]).T, strict=True):
        assert (found == expected).all()
    assert client.get(f"{url}&format=csv&limit=2").text.count("\n") == 3


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_file_may_have_no_bars(client: TestClient, symbol: str, format: str) -> None:
    """It is one all the same; but not of a symbol that does not exist."""
    answer = client.get(f"{BARS}/{symbol}?resolution=1m&format={format}")
    assert answer.status_code == 200
    if format == "csv":
        assert answer.text == "time,open,high,low,close,volume\n"
    else:
        assert parquet.read_table(BytesIO(answer.content)).num_rows == 0
    assert code(client, "US:NOPE", format=format) == (404, "unknown_symbol")
    assert code(client, symbol, format=format, resolution="x") == (422, "unknown_resolution")


def test_files_are_compressed_and_adjusted_like_other_answers(
    client: TestClient, symbol: str
) -> None:
    """For they are other ways to write the same."""
    items = [{"ex_date": "2024-06-09", "kind": "split", "value": 2}]
    client.put(f"/api/v1/symbols/{symbol}/actions", json={"items": items})
    url = f"{BARS}/{symbol}?format=csv&adjustment=splits"
    plain = client.get(url, headers={"accept-encoding": "identity"}).text
    closes = [float(line.split(",")[4]) for line in plain.splitlines()[1:]]
    assert closes == get(client, symbol, adjustment="splits")["close"]
    for coding, decode in DECODERS.items():
        with client.stream("GET", url, headers={"accept-encoding": coding}) as answer:
            assert answer.headers["content-encoding"] == coding
            assert decode(b"".join(answer.iter_raw())).decode() == plain
