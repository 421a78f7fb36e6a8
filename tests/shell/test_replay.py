"""`tradeapi replay` against `tradeapi serve`, each a process of its own."""

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest

from tests.servers.processes import free_port
from tests.shell.conftest import Process, clean_environment

Start = Callable[..., Process]
Row = tuple[int, float, float, float, float, float]

BEGIN = 1640995200  # 2022-01-01, a Saturday
SYMBOL = "CRYPTO:BTCUSD"
COLUMNS = ("time", "open", "high", "low", "close", "volume")


def recorded(count: int, *, begin: int = BEGIN, width: int = 60) -> list[Row]:
    """Bars as files have them: prices with a few decimals, volumes with many, some minutes gone."""
    random = Random(count)
    rows: list[Row] = []
    price = 46_000.0
    for place in range(count):
        if place % 7 == 5:
            continue
        close = round(price + random.gauss(0, 20), 1)
        high, low = max(price, close) + 2.5, min(price, close) - 1.5
        rows.append((begin + width * place, price, high, low, close, random.random() * 1e7))
        price = close
    return rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "bars.csv", recorded(40))


def write(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("timestamp", *COLUMNS[1:]))
        for time, *values in rows:
            moment = datetime.fromtimestamp(time, UTC)
            writer.writerow((f"{moment:%Y-%m-%d %H:%M:%S}", *map(repr, values)))
    return path


def command(file: Path, address: str, *options: str) -> list[str]:
    words = ["replay", str(file), "--symbol", SYMBOL, "--url", address, *options]
    return [sys.executable, "-m", "tradeapi", *words]


def replay(file: Path, address: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(file, address, *options),
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def history(address: str) -> list[Row]:
    url = f"{address}/api/v1/bars/{SYMBOL}"
    answer = httpx2.get(url, params={"resolution": "1m", "limit": 50_000}).raise_for_status()
    columns: Mapping[str, Any] = answer.json()
    return list(zip(*(columns[name] for name in COLUMNS), strict=True))


def post_bar(address: str, row: Row) -> None:
    bar = {"symbol": SYMBOL, "resolution": "1m", **dict(zip(COLUMNS, row, strict=True))}
    answer = httpx2.post(f"{address}/api/v1/bars", json=bar).raise_for_status()
    assert answer.json()["rejected"] == 0


def test_history_becomes_the_file(tradeapi: Start, file: Path) -> None:
    """Bar for bit; the symbol is made, and what was sent is told at the end."""
    service = tradeapi()
    finished = replay(file, service.address, "--speed", "6000")
    assert finished.returncode == 0, finished.stderr
    assert f"{SYMBOL} is new." in finished.stdout
    assert f"{4 * len(recorded(40))} accepted" in finished.stdout
    assert history(service.address) == recorded(40)


def test_a_slow_replay_builds_the_same_bars(tradeapi: Start, tmp_path: Path) -> None:
    """With many trades a minute; only the first bars when asked so."""
    service = tradeapi()
    rows = recorded(5)
    file = write(tmp_path / "bars.csv", rows)
    finished = replay(file, service.address, "--speed", "40", "--limit-bars", "2")
    assert finished.returncode == 0, finished.stderr
    assert history(service.address) == rows[:2]


def test_a_second_replay_needs_a_reset(tradeapi: Start, file: Path) -> None:
    """On top of the first one its volumes would double; with a reset it comes out the same."""
    service = tradeapi()
    assert replay(file, service.address, "--speed", "60000").returncode == 0
    refused = replay(file, service.address, "--speed", "60000")
    assert refused.returncode == 1
    assert "--reset" in refused.stderr
    assert history(service.address) == recorded(40)
    again = replay(file, service.address, "--speed", "60000", "--reset")
    assert again.returncode == 0, again.stderr
    assert "bars were deleted" in again.stdout
    assert history(service.address) == recorded(40)


def test_imported_bars_stay_unless_they_are_reset(tradeapi: Start, file: Path) -> None:
    """A bar that was posted takes no trades, which is said before any is sent."""
    service = tradeapi()
    httpx2.put(f"{service.address}/api/v1/symbols/{SYMBOL}", json={}).raise_for_status()
    posted = (BEGIN + 60, 1.0, 2.0, 0.5, 1.5, 9.0)
    post_bar(service.address, posted)
    refused = replay(file, service.address)
    assert refused.returncode == 1
    assert "imported" in refused.stderr
    assert "--reset" in refused.stderr
    assert history(service.address) == [posted]
    assert replay(file, service.address, "--speed", "60000", "--reset").returncode == 0
    assert history(service.address) == recorded(40)


@contextmanager
def running(file: Path, address: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A replay that has begun."""
    process = subprocess.Popen(
        command(file, address, *options),
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("Replaying"):
            assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_bars(address: str) -> None:
    until = time.monotonic() + 20
    while not history(address):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_bars_posted_meanwhile_end_the_replay(tradeapi: Start, file: Path) -> None:
    """It says so instead of sending trades that nothing comes of."""
    service = tradeapi()
    with running(file, service.address, "--speed", "120") as process:
        wait_for_bars(service.address)
        last = recorded(40)[-1][0]
        for minute in range(BEGIN, last + 60, 60):
            post_bar(service.address, (minute, 1.0, 2.0, 0.5, 1.5, 9.0))
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 1
    assert "posted or imported during the replay" in errors


def test_ctrl_c_stops_it(tradeapi: Start, file: Path) -> None:
    """At once, with a sentence and no traceback."""
    service = tradeapi()
    with running(file, service.address, "--speed", "60") as process:
        wait_for_bars(service.address)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
        assert process.returncode == 130
    assert "Stopped at 2022-01-01 00:0" in output
    assert errors == ""


def test_it_goes_on_when_the_service_comes_back(file: Path, sqlite_url: str) -> None:
    """Killed and started again in the middle of it: no trade is lost or counted twice."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    def serve() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tradeapi", "serve", "--port", str(port)],
            env=clean_environment(DATABASE_URL=sqlite_url, DEMO="false"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        assert process.stderr.readline().startswith("tradeapi serves")
        return process

    service = serve()
    try:
        with running(file, address, "--speed", "300") as process:
            for _ in range(2):
                wait_for_bars(address)
                time.sleep(0.3)
                service.kill()
                service.communicate()
                service = serve()
            output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert "accepted" in output
        assert history(address) == recorded(40)
    finally:
        service.kill()
        service.communicate()


def test_trades_outside_the_session_are_counted(tradeapi: Start, file: Path) -> None:
    """On a Saturday no stock trades: nothing is built, and the exit code tells."""
    service = tradeapi()
    url = f"{service.address}/api/v1/symbols/{SYMBOL}"
    httpx2.put(url, json={"calendar": "XNYS"}, timeout=30).raise_for_status()
    finished = replay(file, service.address, "--speed", "60000")
    assert finished.returncode == 1
    assert f"{4 * len(recorded(40))} outside_session" in finished.stdout
    assert history(service.address) == []


def test_no_service_is_a_sentence(file: Path) -> None:
    """Without a traceback."""
    finished = replay(file, f"http://127.0.0.1:{free_port()}")
    assert finished.returncode == 1
    assert finished.stderr.startswith("No service answers at http://127.0.0.1")
    assert "tradeapi serve" in finished.stderr
    assert finished.stdout == ""


def test_wider_bars_are_refused(tmp_path: Path) -> None:
    """What happened within five minutes nobody knows."""
    file = write(tmp_path / "wide.csv", recorded(40, width=300))
    finished = replay(file, "http://127.0.0.1:1")
    assert finished.returncode == 1
    assert "only bars of 1m" in finished.stderr


def test_rows_that_are_no_bars_are_left_out(tradeapi: Start, tmp_path: Path) -> None:
    """As an import leaves them out, and it is said."""
    service = tradeapi()
    rows = recorded(20)
    upside_down = (rows[3][0], 5.0, 1.0, 9.0, 5.0, 1.0)
    file = write(tmp_path / "bars.csv", [*rows[:3], upside_down, *rows[4:]])
    finished = replay(file, service.address, "--speed", "60000")
    assert finished.returncode == 0, finished.stderr
    assert "no bars: 1 rows of" in finished.stdout
    assert history(service.address) == [*rows[:3], *rows[4:]]
