"""Pages in a real browser: they draw, live on with the stream, and end with what REST has."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode, urlsplit

import pytest

from tests.datafeed.market import Market
from tests.datafeed.page import Page
from tests.documents.demo import ADDRESS
from tests.documents.examples import block
from tests.hostile.serving import Server, eventually
from tradeapi.analytics.bars import PRICES

# What candles are drawn in.
UP, DOWN = "#26a69a", "#ef5350"
LIBRARY = re.compile(r"https://unpkg\.com/[^\"]*")
# Pixels of a picture that the library takes of itself, as good as in one of these colours.
DRAWN = """
  (chart, colors) => {
    const canvas = chart.takeScreenshot();
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const parts = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    const wanted = colors.map(parts);
    let pixels = 0;
    for (let i = 0; i < data.length; i += 4) {
      pixels += wanted.some((rgb) => rgb.every((part, j) => Math.abs(part - data[i + j]) < 8));
    }
    return pixels;
  }
"""


@pytest.fixture
def site(scripts: Path, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served, with the library and the page of here, and its address."""
    here = Path(__file__).parent
    library = scripts / "node_modules" / "lightweight-charts" / "dist"
    standalone = library / "lightweight-charts.standalone.development.js"
    (tmp_path / "lightweight-charts.js").symlink_to(standalone)
    for name in ("page.html", "live.js"):
        (tmp_path / name).symlink_to(here / name)
    with _serving(tmp_path) as address:
        yield tmp_path, address


def test_a_bound_chart_lives_through_a_restart(
    server: Server, market: Market, page: Page, site: tuple[Path, str]
) -> None:
    """Candles and their volume below, which are traded while the server is killed and begins
    again.
    """
    market.post_bars(700)
    market.trade(0, 11)
    source = {"symbol": market.symbol, "resolution": "1m"}
    volume = {"id": "volume", "type": "histogram", "source": {**source, "field": "volume"}}
    price = {"id": "price", "type": "candlestick", "source": source}
    panes = [{"series": [price]}, {"series": [volume]}]
    chart = server.client.post("/api/v1/charts", json={"panes": panes}).json()["id"]
    page.do("open", address=f"{site[1]}/page.html?{urlencode({'url': server.url, 'chart': chart})}")

    def becomes() -> None:
        for id, names in (("price", PRICES), ("volume", ("volume",))):
            _becomes(market, page, f"drawn.{id}?.series", names)

    becomes()
    pixels = page.do("evaluate", expression=f"({DRAWN})(chart, ['{UP}', '{DOWN}'])")
    assert pixels > 1_000
    for minute in range(3):
        market.trade(minute, 12 + minute, seconds=10)
    becomes()
    server.kill()
    server.start()
    for minute in range(3, 8):
        market.trade(minute, 9 + minute)
    becomes()
    market.trade(5, 30, seconds=20)
    becomes()
    # As far back as there is something.
    assert page.do("evaluate", expression="drawn.price.series.data().length") >= 500
    assert (
        page.do("evaluate", expression="Object.values(drawn).flatMap((one) => one.live.faults)")
        == []
    )
    assert page.do("faults") == []


def test_the_page_of_the_readme_is_live(
    server: Server, market: Market, page: Page, site: tuple[Path, str]
) -> None:
    """As it is shown, but for the library's address, the server's, and the symbol."""
    market.post_bars(700)
    folder, address = site
    text = block("README.md", "html", "LightweightCharts").text
    text = LIBRARY.sub("lightweight-charts.js", text)
    text = text.replace(ADDRESS, urlsplit(server.url).netloc).replace("SIM:BTCUSD", market.symbol)
    (folder / "chart.html").write_text(text)
    page.do("open", address=f"{address}/chart.html")
    market.trade(0, 11)
    _becomes(market, page, "series", PRICES)
    server.kill()
    server.start()
    market.trade(1, 13)
    market.trade(0, 20, seconds=40)
    _becomes(market, page, "series", PRICES)
    assert page.do("evaluate", expression=f"({DRAWN})(chart, ['{UP}', '{DOWN}'])") > 1_000
    assert page.do("faults") == []


def _becomes(market: Market, page: Page, series: str, names: tuple[str, ...]) -> None:
    """Wait until the series shows what REST has, as far back as it goes."""
    real = [{"time": bar["time"] // 1000, **_values(bar, names)} for bar in market.bars()]
    for _ in eventually(60):
        data = page.do("evaluate", expression=f"{series}?.data()")
        if data and data == real[-len(data) :]:
            return


def _values(bar: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    return {"value": bar[names[0]]} if len(names) == 1 else {name: bar[name] for name in names}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        thread = Thread(target=files.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://localhost:{files.server_port}"
        finally:
            files.shutdown()
            thread.join()
