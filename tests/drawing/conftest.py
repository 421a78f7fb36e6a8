"""lightweight-charts, in a window without a screen and in a real browser, and what it draws."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from tests.datafeed.market import Market
from tests.datafeed.page import WITH_SOCKETS, Page
from tests.hostile.serving import Server, serve
from tests.servers.browser import Browser, browser
from tests.servers.databases import SqliteDatabases
from tests.servers.packages import packages
from tests.servers.programs import NODE, Missing, find, version

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find(NODE, tmp_path_factory.mktemp("node"))


@pytest.fixture(scope="session")
def pinned(node: Path) -> Path:
    """Where the packages are that are pinned here."""
    return packages(node, HERE)


@pytest.fixture(scope="session")
def scripts(pinned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of here, where they find these packages."""
    folder = tmp_path_factory.mktemp("drawing")
    (folder / "node_modules").symlink_to(pinned / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    for script in (*HERE.glob("*.js"), *HERE.glob("*.mjs")):
        shutil.copy(script, folder)
    return folder


@pytest.fixture(scope="module")
def server(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with serve(sqlite_databases.copy(folder), folder) as server:
        yield server


@pytest.fixture
def market(server: Server) -> Market:
    """A symbol that nobody else trades."""
    return Market(server)


@pytest.fixture(scope="module")
def window(node: Path, scripts: Path, server: Server) -> Iterator[Page]:
    """The build of the library that refuses what it can't draw, with one chart at a time."""
    flags = ["--conditions=development"]
    if version(node) < WITH_SOCKETS:
        flags += ["--experimental-websocket", "--no-warnings"]
    with running([node, *flags, scripts / "window.mjs"], url=server.url) as window:
        yield window


@pytest.fixture(scope="session")
def program(node: Path, pinned: Path) -> Browser:
    try:
        return browser(node, pinned)
    except Missing as error:
        pytest.skip(str(error))


@pytest.fixture
def page(node: Path, scripts: Path, program: Browser) -> Iterator[Page]:
    """One of a browser of its own."""
    executable, environment = str(program.executable), dict(program.environment)
    command: list[str | Path] = [node, scripts / "browser.mjs"]
    with running(command, executable=executable, environment=environment) as page:
        yield page
        page.do("close")


@contextmanager
def running(command: list[str | Path], **options: object) -> Iterator[Page]:
    with subprocess.Popen(
        [*command, orjson.dumps(options).decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Page(process)
        finally:
            process.kill()
