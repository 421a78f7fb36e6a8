"""What README and docs name exists, and what exists is named: settings, metrics, routes, limits."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from prometheus_client.metrics import MetricWrapperBase
from typer.core import TyperGroup

from tests.auth.routes import LOGIN_ONLY, Operation, operations
from tests.documents.examples import DOCUMENTS, ROOT, read
from tradeapi import metrics
from tradeapi.app import create_app
from tradeapi.auth import authenticator, logins, throttle, tickets
from tradeapi.cli import cli
from tradeapi.cli.environment import example
from tradeapi.market.bars import bar_writer, tick_ids, tick_writer
from tradeapi.market.bars import query as bars_query
from tradeapi.market.bars.validation import Reason
from tradeapi.market.quotes import service as quotes
from tradeapi.market.store import partitions
from tradeapi.security import passwords
from tradeapi.settings import Settings
from tradeapi.streams import access, connection, limits, protocol, session, topics
from tradeapi.web import claims, idempotency
from tradeapi.web.limits import declare
from tradeapi.web.principal import NEEDS_MARKET_DATA

BARS, STREAM, OPERATING = "docs/bars.md", "docs/stream.md", "docs/operating.md"
ACCOUNTS, SECURITY = "docs/accounts.md", "docs/security.md"
EVERYTHING = "\n".join(map(read, DOCUMENTS))
SOURCES = {path: path.read_text() for path in (ROOT / "src").rglob("*.py")}
# Variables that are no settings of ours, and words in capitals.
OTHERS = {"PROMETHEUS_MULTIPROC_DIR", "WEB_CONCURRENCY", "TRADEAPI_API_KEY"}
LIMITS = limits.Limits()


@pytest.fixture(scope="module")
def routes() -> set[str]:
    """As `GET /api/v1/bars/{symbol}`."""
    document = create_app(Settings(database_url="sqlite:///nowhere.db", demo=False)).openapi()
    return {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }


def test_every_setting_is_listed_with_its_default() -> None:
    """In the order of the settings, and with the defaults of development."""
    listed: dict[str, str] = {}
    for line in read(OPERATING).splitlines():
        if re.match(r"\| `[A-Z_]+`", line):
            variables, defaults = line.split(" | ")[:2]
            values = re.findall(r"`([^`]*)`", defaults)
            found = re.findall(r"`([A-Z_]+)`", variables)
            listed |= dict(zip(found, values or [""] * len(found), strict=True))
    real = dict(
        line.split("=", 1) for line in re.findall(r"^# ([A-Z_]+=.*)", example(), re.MULTILINE)
    )
    assert [*listed] == [*real]
    assert {name: value for name, value in listed.items() if value} == {
        name: real[name] for name, value in listed.items() if value
    }


def test_every_variable_that_is_named_is_a_setting() -> None:
    """In prose and in commands."""
    settings = {name.upper() for name in Settings.model_fields}
    named = set(re.findall(r"(?:`|export )([A-Z]+(?:_[A-Z]+)+)\b", EVERYTHING))
    assert named - OTHERS <= settings


def test_every_metric_is_listed() -> None:
    """With its labels; and none that does not exist."""
    real = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            real[name] = metric._labelnames  # noqa: SLF001  there is no other way
    listed: dict[str, tuple[str, ...]] = {}
    for line in read(OPERATING).split("## Metrics")[1].splitlines():
        if line.startswith("| `"):
            found, labels = (re.findall(r"`(\w+)`", cell) for cell in line.split(" | ")[:2])
            listed |= dict.fromkeys(found, tuple(labels))
    assert listed == real


def test_every_route_that_is_named_exists(routes: set[str]) -> None:
    """Be it in prose, in a command or in code."""
    places = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.split()[1])) for route in routes]
    named = re.findall(
        r"(?:8000|host\}|[A-Z]+ |`)(/(?:api|health|metrics)[\w/{}$:.-]*)", EVERYTHING
    )
    assert {path for path in named if not any(re.fullmatch(one, path) for one in places)} == set()


def test_every_route_is_named(routes: set[str]) -> None:
    """With its method, somewhere."""
    assert routes <= set(re.findall(r"`((?:GET|PUT|POST|DELETE) /[^`?]+)", EVERYTHING))


def test_every_command_exists() -> None:
    """As it is spelled, in prose and in examples."""
    commands = typer.main.get_command(cli)
    assert isinstance(commands, TyperGroup)
    known = {
        f"{name} {inner}".strip()
        for name, command in commands.commands.items()
        for inner in ["", *(command.commands if isinstance(command, TyperGroup) else ())]
    }
    named = re.findall(
        r"(?:^|`)tradeapi ([a-z]+(?: (?:bars|symbols|actions|set|list))?)", EVERYTHING, re.MULTILINE
    )
    assert set(named) <= known
    assert {name.split()[0] for name in named} == commands.commands.keys()


def test_every_target_of_make_exists() -> None:
    """Those that are named in code."""
    (targets,) = re.findall(r"^\.PHONY: (.+)", read("Makefile"), re.MULTILINE)
    assert set(re.findall(r"(?:^|`)make (\w+)", EVERYTHING, re.MULTILINE)) <= {*targets.split()}


def test_gunicorn_is_started_as_its_configuration_says() -> None:
    """Wherever the command stands."""
    source = (ROOT / "src/tradeapi/gunicorn_conf.py").read_text()
    (command,) = re.findall(r'gunicorn -c .+\)"', source)
    assert set(re.findall(r"^gunicorn.*", EVERYTHING, re.MULTILINE)) == {command}


def test_every_code_exists() -> None:
    """Those in the tables of codes; and every reason to reject a bar is among them."""
    sources = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = {
        code
        for document in (BARS, STREAM)
        for table in re.findall(r"^\| code \|(?:.*\n\|)+", read(document), re.MULTILINE)
        for cell in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", cell)
    }
    assert {code for code in named if f'"{code}"' not in sources} == set()
    assert set(Reason) <= named


def test_every_close_code_is_listed() -> None:
    """And no other."""
    ours = {connection.NOT_TEXT, session.POLICY, session.TOO_BIG, session.RESTART, session.TOO_SLOW}
    ours |= {access.NOT_AUTHENTICATED, access.AUTH_DEADLINE, access.TOO_MANY_SOCKETS}
    assert {int(code) for code in re.findall(r"^\| (\d{4}) \|", read(STREAM), re.MULTILINE)} == ours


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (BARS, f"the most bars, 1 to {bars_query.MOST_BARS:,}."),
        (BARS, f"| {bars_query.DEFAULT_LIMIT}; files: all |"),
        (BARS, f"answers up to {quotes.MOST_SYMBOLS} symbols"),
        (BARS, f"Requests of more than {bar_writer.BARS_PER_TRANSACTION:,} bars"),
        (BARS, f"More than {tick_writer.AHEAD_SECONDS} seconds ahead"),
        (BARS, f"With an `id` (1 to {tick_ids.LONGEST_ID} characters, or an integer)"),
        (STREAM, f"a string of up to {protocol.LONGEST_ID} characters"),
        (STREAM, f"0 to {protocol.MOST_HISTORY}, by default {protocol.DEFAULT_HISTORY}"),
        (STREAM, f"0 to {protocol.MOST_THROTTLE}, by default 0"),
        (STREAM, f"`token`: up to {protocol.LONGEST_TOKEN} characters"),
        (STREAM, f"within {LIMITS.auth_seconds} seconds of hello"),
        (STREAM, f"{access.WARNING_SECONDS:.0f} seconds before that comes `auth_expiring`"),
        (STREAM, f"good once, for {tickets.SECONDS[tickets.TicketKind.SOCKET]:.0f} seconds"),
        (STREAM, f"comes every {LIMITS.heartbeat_seconds} seconds"),
        (STREAM, f"the last {topics.KEPT} frames of a topic, for {LIMITS.linger_seconds} seconds"),
        (STREAM, f"{limits.FAULTS} faulty frames in a row"),
        (OPERATING, f"covers {partitions.BLOCKS_PER_PARTITION} days"),
    ],
)
def test_numbers_are_those_of_the_code(document: str, words: str) -> None:
    """Each with words around it, wherever the lines break."""
    assert words in " ".join(read(document).split())


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_links_lead_somewhere(document: str) -> None:
    """To a file, and to a heading in it where one is named."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", read(document)):
        name, _, heading = target.partition("#")
        file = (ROOT / document).parent / name if name else ROOT / document
        assert file.exists(), target
        headings = re.findall(r"^#+ (.+)", file.read_text(), re.MULTILINE)
        assert not heading or heading in {_anchor(one) for one in headings}, target


def test_the_changelog_keeps_its_form() -> None:
    """Versions, newest first, with the kinds of change that keepachangelog.com knows."""
    headings = re.findall(r"^(#+) (.+)", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[:2] == [("#", "Changelog"), ("##", "Unreleased")]
    kinds = {title for level, title in headings if level == "###"}
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
