"""The pages in the documentation, on the demo market."""

import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.datafeed.conftest import Open
from tests.documents.demo import Demo, demo
from tests.documents.examples import block
from tests.hostile.serving import eventually

DOCUMENT = "docs/datafeed.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("reader")) as running:
        yield running


def script(service: Demo, containing: str) -> str:
    """The one in the page with this text."""
    page = service.here(block(DOCUMENT, "html", containing).text)
    (found,) = re.findall(r'<script type="module">(.+?)</script>', page, re.DOTALL)
    return str(found)


def test_the_page_draws_a_chart_that_lives(service: Demo, open_page: Open) -> None:
    """With a stand-in for TradingView's library."""
    page = open_page(service)
    page.do("run", script=script(service, "TradingView.widget"))
    for _ in eventually(60):
        if page.do("charts") and page.do("bars"):
            break
    first = page.do("bars")[-1]
    for _ in eventually(60):
        if page.do("bars")[-1] != first:
            break
    assert page.seen["errors"] == []


def test_the_page_shows_the_newest_price(service: Demo, open_page: Open) -> None:
    """Without TradingView."""
    page = open_page(service)
    page.do("run", script=script(service, "Stream"))
    for _ in eventually(60):
        if page.do("title"):
            break
    answer = httpx2.get(f"{service.url}/api/v1/quotes?symbols=SIM:BTCUSD")
    assert 0.5 < page.do("title") / answer.json()["items"][0]["last"] < 2
