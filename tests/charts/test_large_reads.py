"""Who draws very long series waits for others who do, and holds up nobody else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.auth.people import Service
from tests.charts.desks import Desk, dots
from tests.market.bars_http import BARS, items
from tests.market.places import flat
from tradeapi.web.large_reads import AT_ONCE, OF_ONE_CALLER, LargeReads

SYMBOL = "LARGE:A"
DAY = 86400


@contextmanager
def busy(service: Service, name: str, *callers: str) -> Iterator[None]:
    """Turns of these are taken and not given back."""
    reads: LargeReads = service.client.app_state[name]
    assert service.client.portal is not None
    with ExitStack() as turns:
        for caller in callers:
            turn = service.client.portal.wrap_async_context_manager(reads.turn(caller))
            turns.enter_context(turn)
        yield


@pytest.fixture
def symbol(service: Service) -> str:
    admin = service.admin()
    service.client.put(f"/api/v1/symbols/{SYMBOL}", json={}, headers=admin.headers)
    rows = [flat(number * DAY, 10) for number in range(100, 130)]
    posted = service.client.post(BARS, json=items(SYMBOL, "1d", rows), headers=admin.headers)
    assert posted.status_code == 200
    return SYMBOL


@pytest.mark.parametrize("kind", ["points", "bars"])
def test_drawing_waits_for_its_turn_and_all_else_goes_on(
    service: Service, desk: Desk, symbol: str, kind: str
) -> None:
    """Health, plain pages, and writing."""
    desk.put(dots(30), "line")
    path = desk.points("line") if kind == "points" else f"/bars/{symbol}"
    others = [str(number) for number in range(AT_ONCE)]
    with ThreadPoolExecutor(1) as threads:
        with busy(service, "large_reads", *others):
            drawn = threads.submit(desk.person.get, f"{path}?max_points=5")
            assert service.client.get("/health").status_code == 200
            assert service.client.get("/health/ready").status_code == 200
            assert len(desk.person.get(path)) > 5
            assert desk.post(dots(1, first=30), "line").status_code == 200
            assert not drawn.done()
        assert drawn.result()["thinned_from"] in {30, 31}


def test_a_caller_waits_for_themselves_only(service: Service, desk: Desk) -> None:
    """Others have turns left."""
    desk.put(dots(30), "line")
    with busy(service, "large_reads", *["somebody"] * OF_ONE_CALLER):
        assert desk.read("?max_points=5", "line")["thinned_from"] == 30


def test_an_indicator_over_a_whole_history_waits_for_its_turn(
    service: Service, desk: Desk, symbol: str
) -> None:
    """However few of its points are asked for; others do not."""
    source = {"symbol": symbol, "resolution": "1d"}
    series = [
        {"id": "bars", "type": "candlestick", "source": source},
        {"id": "obv", "type": "line", "source": {"indicator": "obv", "of": "bars"}},
        {"id": "rsi", "type": "line", "source": {"indicator": "rsi", "of": "bars"}},
    ]
    assert desk.change(panes=[{"series": series}]).status_code == 200
    others = [str(number) for number in range(AT_ONCE)]
    with ThreadPoolExecutor(1) as threads:
        with busy(service, "long_studies", *others):
            read = threads.submit(desk.read, "?count=1", "obv")
            assert len(desk.read("", "rsi")["items"]) == 16
            assert not read.done()
        assert len(read.result()["items"]) == 1
