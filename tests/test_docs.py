"""What README and docs name exists, and what exists is named: settings, metrics, routes, limits."""

import re
from typing import get_args

import orjson
import pytest
import typer
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from prometheus_client.metrics import MetricWrapperBase
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from typer.core import TyperGroup

from tests.deploy.connections import taken
from tests.deploy.dockerfile import BUILD_ARGUMENTS
from tests.documents.examples import DOCUMENTS, ROOT, block, read
from tests.documents.shapes import parse_all
from tradeapi import connections, errors, metrics, redis
from tradeapi.analytics.bars import Bars
from tradeapi.analytics.downsampling import FEWEST_POINTS
from tradeapi.analytics.indicators import INDICATORS
from tradeapi.app import create_app
from tradeapi.app.application import MESSAGES
from tradeapi.auth import authenticator, logins, sharing, throttle, tickets
from tradeapi.auth.dependencies import LoginDep
from tradeapi.auth.export import MOST
from tradeapi.charts import events, parsing, schemas, sources, study_frames
from tradeapi.charts import query as charts_query
from tradeapi.charts.live import reading
from tradeapi.cli import cli
from tradeapi.cli.environment import example
from tradeapi.compat import bodies
from tradeapi.compat import socket as compat_socket
from tradeapi.market.bars import bar_writer, ranges, tick_ids, tick_writer
from tradeapi.market.bars import query as bars_query
from tradeapi.market.bars.validation import Reason
from tradeapi.market.quotes import service as quotes
from tradeapi.market.quotes import years
from tradeapi.market.store import blocks, partitions
from tradeapi.notifications import inboxes
from tradeapi.notifications.live import reading as notifications_reading
from tradeapi.notifications.mailing import outbox as mail_outbox
from tradeapi.notifications.posting import poster, turns
from tradeapi.notifications.push import browser
from tradeapi.notifications.webhooks import schedule, signing, tasks
from tradeapi.security import passwords
from tradeapi.security.share_tokens import MOST_DAYS
from tradeapi.settings import Settings
from tradeapi.streams import (
    access,
    codes,
    limits,
    replays,
    requests,
    sse,
    topics,
)
from tradeapi.streams.bookmark import positions_in
from tradeapi.udf import drawings, forms, hours
from tradeapi.udf import history as udf_history
from tradeapi.watchlists import favourites
from tradeapi.watchlists import schemas as watchlist_schemas
from tradeapi.watchlists.live import source as watchlist_source
from tradeapi.web import claims, guard, idempotency
from tradeapi.web.large_reads import AT_ONCE, OF_ONE_CALLER
from tradeapi.web.limits import declare
from tradeapi.web.principal import NEEDS_MARKET_DATA, NEEDS_STREAM, Need, need_of

CHARTS = "docs/charts.md"
WATCHLISTS = "docs/watchlists.md"
WEBHOOKS = "docs/webhooks.md"
NOTIFICATIONS = "docs/notifications.md"
INDICES = "docs/indices.md"
JOBS = "docs/jobs.md"
ALERTS = "docs/alerts.md"
ONE_BAR = blocks.StoredBars.of(Bars.of([(0, 1, 1, 1, 1, 1)]), native=True)
SHARES = connections.Connections.of(connections.MOST)
BARS, STREAM, OPERATING = "docs/bars.md", "docs/stream.md", "docs/operations.md"
MONITORING = "docs/monitoring.md"
ACCOUNTS, SECURITY = "docs/accounts.md", "docs/security.md"
CHARTING = "docs/charting.md"
EVERYTHING = "\n".join(map(read, DOCUMENTS))
SOURCES = {path: path.read_text() for path in (ROOT / "src").rglob("*.py")}
# Variables that are no settings of ours, and words in capitals.
OTHERS = {
    "PROMETHEUS_MULTIPROC_DIR",
    "WEB_CONCURRENCY",
    "TRADEAPI_API_KEY",
    "TEST_DATABASE_URL",
    "TEST_REDIS_URL",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
}
LIMITS = limits.Limits()
HOURS = {kind.value: seconds / 3600 for kind, seconds in tickets.SECONDS.items()}


def _default(limit: str) -> int:
    # The suite's own environment has others.
    number: int = Settings.model_fields[f"rate_limit_{limit}per_minute"].default
    return number


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """It is looked at, and opens nothing."""
    return create_app(Settings(database_url="sqlite:///nowhere.db", demo=False))


@pytest.fixture(scope="module")
def routes(app: FastAPI) -> set[str]:
    """As `GET /api/v1/bars/{symbol}`."""
    document = app.openapi()
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
    settings = {name.upper() for field in Settings.model_fields.items() for name in _names(*field)}
    named = set(re.findall(r"(?:`|export )([A-Z]+(?:_[A-Z]+)+)\b", EVERYTHING))
    assert named - OTHERS - BUILD_ARGUMENTS <= settings


def test_every_metric_is_listed() -> None:
    """With its labels; and none that does not exist."""
    real = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            real[name] = metric._labelnames  # noqa: SLF001  there is no other way
    listed: dict[str, tuple[str, ...]] = {}
    for line in read(MONITORING).split("## Metrics")[1].partition("\n## ")[0].splitlines():
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
    assert routes <= set(re.findall(r"`((?:GET|PUT|POST|PATCH|DELETE) /[^`?]+)", EVERYTHING))


def test_every_route_is_listed_under_its_scope(app: FastAPI, routes: set[str]) -> None:
    """With those apart that PUBLIC_READ opens, and those that take a login."""
    real = {
        f"{method} {context.path}": (_said(need), _takes_login(context.original_route))
        for context in iter_route_contexts(app.routes)
        if (need := need_of(context)) is not None
        for method in context.methods or ()
    }
    _, _, section = read(ACCOUNTS).partition("## Who may do what")
    rows = re.findall(
        r"^\| (\w+|`\w+`.*?) \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE
    )
    listed = {
        route: (scope, is_login)
        for scope, cell in rows
        for is_login, part in enumerate(cell.split("with a login"))
        for route in _routes_in(part)
    }
    assert listed == {route: need for route, need in real.items() if route in routes}


def test_every_rate_limit_is_listed() -> None:
    """With its policy, its setting and the default of that."""
    names = [name for name in Settings.model_fields if name.startswith("rate_limit_")]
    numbered = {name: number for number, name in enumerate(names, 1)}
    real = {
        policy: (name.upper(), str(Settings.model_fields[name].default))
        for policy, limit in declare(Settings.model_validate(numbered)).items()
        for name in names
        if numbered[name] == limit.limit.amount
    }
    row = r"^\| `(\w+)` \|.*\| `(RATE_LIMIT_\w+)` \| (\d+) \|$"
    rows = re.findall(row, read(ACCOUNTS), re.MULTILINE)
    assert {policy: (setting, default) for policy, setting, default in rows} == real


def test_every_command_exists() -> None:
    """As it is spelled, in prose and in examples."""
    commands = typer.main.get_command(cli)
    assert isinstance(commands, TyperGroup)
    inner = {
        name: command.commands.keys() if isinstance(command, TyperGroup) else set()
        for name, command in commands.commands.items()
    }
    spelled = r"(?:^|`|\| )tradeapi ([a-z]+)(?: ([a-z-]+))?"
    named = re.findall(spelled, EVERYTHING, re.MULTILINE)
    assert {name for name, _ in named} == inner.keys()
    assert {
        (name, word) for name, word in named if word and inner[name] and word not in inner[name]
    } == set()
    assert inner["user"] <= {word for name, word in named if name == "user"}


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
    sources = "\n".join(SOURCES.values())
    named = {
        code
        for document in (BARS, CHARTS, STREAM, ACCOUNTS, WEBHOOKS)
        for code in _codes_in(document)
    }
    assert {code for code in named if f'"{code}"' not in sources} == set()
    assert set(Reason) <= named


def test_every_code_of_the_stream_is_listed() -> None:
    """As the AsyncAPI document has them."""
    assert _codes_in(STREAM) == {*codes.ERRORS}


def test_frames_are_shown_as_in_the_asyncapi_document() -> None:
    """All of them, with the same values."""
    frames = [block(STREAM, "json", one).text for one in ('"op": "subscribe"', '"type": "hello"')]
    shown = [frame for text in frames for frame in parse_all(text)]
    examples = [orjson.loads(message.example) for message in MESSAGES]
    assert sorted(map(orjson.dumps, shown)) == sorted(map(orjson.dumps, examples))


def test_every_code_of_accounts_and_limits_is_listed() -> None:
    """With every one that no other page explains."""
    accounts = ("auth", "security", "web/claims", "web/hosts", "web/principal", "web/cors")
    raised = {
        code
        for path, source in SOURCES.items()
        if path.relative_to(ROOT / "src/tradeapi").as_posix().startswith(accounts)
        for code in re.findall(r'code(?:=| = )"(\w+)"', source)
    }
    kinds = (errors.Unauthenticated, errors.Forbidden, errors.Stale, errors.TooMany)
    assert raised | {kind.code for kind in kinds} <= _codes_in(ACCOUNTS)


@pytest.mark.parametrize(
    ("folder", "page"),
    [
        ("charts", CHARTS),
        ("watchlists", WATCHLISTS),
        ("alerts", ALERTS),
        ("notifications", NOTIFICATIONS),
        ("posting", WEBHOOKS),
        ("webhooks", WEBHOOKS),
        ("push", WEBHOOKS),
        ("tracked", JOBS),
        ("indices", INDICES),
        ("building", INDICES),
    ],
)
def test_every_code_of_a_feature_is_listed(folder: str, page: str) -> None:
    """In the page about it."""
    raised = {
        code
        for path, source in SOURCES.items()
        if path.parent.name == folder
        for code in re.findall(r'(?:code=|Rule\()"(\w+)"', source)
    }
    assert raised <= _codes_in(page)


def test_every_range_is_listed() -> None:
    """With its resolution; that of ALL is told in words."""
    names = "|".join(ranges.Range)
    row = rf"^\| `({names})` \| .*? \| (?:`(\w+)`|the finest .*) \|$"
    listed = dict(re.findall(row, read(BARS), re.MULTILINE))
    assert listed == {**ranges.RESOLUTIONS, ranges.Range.ALL: ""}
    *all_but_one, last = (f"`{name}`" for name in ranges.Range)
    assert f"| {', '.join(all_but_one)} or {last}," in read(BARS)


def test_every_indicator_is_listed() -> None:
    """With its parameters, their defaults, and its outputs where it has several."""
    names = r"`\w+`(?:, `\w+`)*"
    row = rf"^\| ({names}) \|(.*?)\|(.*?)\| (?:values|prices|bars) \|$"
    listed = {
        name: (parameters, re.findall(r"\w+", outputs))
        for several, parameters, outputs in re.findall(row, read(CHARTS), re.MULTILINE)
        for name in re.findall(r"\w+", several)
    }
    defaults = {
        name: ", ".join(f"`{one.name}` {one.default:g}" for one in indicator.parameters)
        for name, indicator in INDICATORS.items()
    }
    assert {name: parameters.strip() for name, (parameters, _) in listed.items()} == defaults
    for name, (_, outputs) in listed.items():
        several = INDICATORS[name].outputs
        assert outputs == (list(several) if len(several) > 1 else [])


def test_every_action_of_the_record_is_listed() -> None:
    """And no other."""
    recorded = {
        action
        for source in SOURCES.values()
        for action in re.findall(r'\.record\(\s*"([\w.]+)"', source)
    }
    (listed,) = re.findall(r"^The actions: (.+?)\n\n", read(SECURITY), re.MULTILINE | re.DOTALL)
    assert {action for action in re.findall(r"`([\w.]+)`", listed) if "." in action} == {
        action for action in recorded if "." in action
    }
    assert {action for action in recorded if f"`{action}`" not in listed} == set()


def test_every_test_that_is_named_exists() -> None:
    """In the file that is named with it."""
    named = re.findall(r"`((?:\w+/)?test_\w+\.py)(?:::(\w+))?`", read(SECURITY))
    assert len(named) > 40
    for file, test in named:
        path = ROOT / "tests" / file
        assert path.exists(), file
        assert not test or f"def {test}(" in path.read_text(), f"{file}::{test}"


def test_one_module_sends_where_users_want_it() -> None:
    """The one that looks at addresses; everything else that asks others is for operators."""
    clients = r"httpcore2?|httpx2?|urllib\.request|http\.client|aiohttp|requests"
    client = rf"^\s*(?:import|from) (?:{clients})\b"
    files = {
        f"{path.parent.name}/{path.name}"
        for path, text in SOURCES.items()
        if re.search(client, text, re.MULTILINE)
    }
    commands = {"replaying/replay.py", "replaying/target.py", "ops/stats.py"}
    assert files - commands == {"posting/network.py", "posting/poster.py", "posting/urls.py"}


def test_every_close_code_is_listed() -> None:
    """And no other."""
    listed = re.findall(r"^\| (\d{4}) \|", read(STREAM), re.MULTILINE)
    ours = {number for number in vars(codes).values() if isinstance(number, int)}
    assert {int(code) for code in listed} == ours == codes.CLOSES.keys()


def test_the_ids_of_events_are_bookmarks() -> None:
    """Of the frames that they come with."""
    topic = "bars:SIM:BTCUSD:1m"
    events = re.findall(r'^data: .*"seq": (\d+),.*\nid: (\S+)$', read(STREAM), re.MULTILINE)
    assert events
    for seq, id in events:
        assert positions_in(id, [topic]) == {topic: requests.Position("9e7686ee-7", int(seq))}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (BARS, f"the most bars, 1 to {bars_query.MOST_BARS:,}."),
        (BARS, f"| {bars_query.DEFAULT_LIMIT}; files: all |"),
        (BARS, f"draw them by so many, {FEWEST_POINTS} to {bars_query.MOST_DRAWN:,}:"),
        (BARS, f"up to {bars_query.MOST_THINNED:,} then"),
        (BARS, f"{OF_ONE_CALLER} at once of a caller, {AT_ONCE} in a process;"),
        (CHARTS, f"{OF_ONE_CALLER} at once of a caller, {AT_ONCE} of each kind in a process;"),
        (BARS, f"drawn by `max_points` {bars_query.MOST_THINNED:,} |"),
        (BARS, f"that makes up to {ranges.MOST_BARS:,} bars"),
        (BARS, f"answers up to {quotes.MOST_SYMBOLS} symbols"),
        (BARS, f"Requests of more than {bar_writer.BARS_PER_TRANSACTION:,} bars"),
        (BARS, f"More than {tick_writer.AHEAD_SECONDS} seconds ahead"),
        (BARS, f"With an `id` (1 to {tick_ids.LONGEST_ID} characters, or an integer)"),
        (CHARTS, f"1 to {sources.LONGEST_NAME} letters"),
        (CHARTS, f"{schemas.OPTIONS_BYTES // 1024} KiB each"),
        (CHARTS, f"(an array, {schemas.DRAWINGS_BYTES // 1024} KiB)"),
        (CHARTS, f"(an array, {schemas.ANNOTATIONS_BYTES // 1024} KiB)"),
        (CHARTS, f"up to {parsing.LONGEST_FURTHER:,} bytes of JSON"),
        (CHARTS, f"1 to {charts_query.MOST_COUNT:,}, by default {charts_query.DEFAULT_COUNT};"),
        (CHARTS, f"That is up to {charts_query.MOST_PUSHED:,} points then"),
        (CHARTS, f"of bound series {bars_query.MOST_THINNED:,}"),
        (CHARTS, f"{FEWEST_POINTS} to {bars_query.MOST_DRAWN:,}: at most"),
        (CHARTS, f"good for 1 to {MOST_DAYS} days"),
        (CHARTS, f"| shares of a chart | {sharing.MOST_SHARES},"),
        (WATCHLISTS, f"makes one, of up to {sharing.MOST_SHARES};"),
        (CHARTS, f"| panes of a chart | {schemas.MOST_PANES} |"),
        (CHARTS, f"| series in a request, whatever a chart may have | {schemas.MOST_SERIES:,},"),
        (CHARTS, f"| body with a document | {guard.DOCUMENT_BYTES // 1024} KiB,"),
        (CHARTS, f"more than {study_frames.MOST_EARLIER:,} points before it"),
        (WATCHLISTS, f"One frame in {watchlist_source.INTERVAL_SECONDS * 1000:.0f} ms"),
        (CHARTS, f"of all series together no more than {reading.MOST_POINTS:,}."),
        (CHARTS, f"changed by more than {events.MOST_TOLD} points at once"),
        (CHARTS, f"one series of a pane, 0 to {bodies.LAST_PANE} |"),
        (CHARTS, f"are up to {compat_socket.HISTORY} of the newest,"),
        (CHARTS, f"Every {compat_socket.PING_SECONDS:.0f} seconds comes a `ping`"),
        (CHARTS, f"{compat_socket.IDLE_SECONDS:.0f} seconds is closed with {compat_socket.LEFT}."),
        (WATCHLISTS, f"up to {watchlist_schemas.MOST_TAGS} tags, each once"),
        (WATCHLISTS, f"one `PATCH` changes | {watchlist_schemas.MOST_AT_ONCE:,} |"),
        (WATCHLISTS, f"of the last {years.DAYS} days, `closes` up to {years.CLOSES} daily closes"),
        (WATCHLISTS, f"It lasts up to {MOST_DAYS} days,"),
        (NOTIFICATIONS, f"The newest {inboxes.MOST:,} are kept"),
        (NOTIFICATIONS, f"There are up to {mail_outbox.MOST_AN_HOUR} such mails in an hour,"),
        (NOTIFICATIONS, f"has the newest {notifications_reading.NEWEST} and"),
        (NOTIFICATIONS, f"up to {notifications_reading.AT_ONCE:,} frames, and else"),
        (STREAM, f"up to {notifications_reading.AT_ONCE:,} frames come again"),
        (WATCHLISTS, f"| favourites of a user | {favourites.MOST:,} |"),
        (STREAM, f"a string of up to {requests.LONGEST_ID} characters"),
        (STREAM, f"0 to {requests.MOST_HISTORY}, by default {requests.DEFAULT_HISTORY}"),
        (STREAM, f"0 to {requests.MOST_THROTTLE}, by default 0"),
        (STREAM, f"`token`: up to {requests.LONGEST_TOKEN} characters"),
        (STREAM, f"within {LIMITS.auth_seconds} seconds of hello"),
        (STREAM, f"{access.WARNING_SECONDS:.0f} seconds before that comes `auth_expiring`"),
        (STREAM, f"good once, for {tickets.SECONDS[tickets.TicketKind.SOCKET]:.0f} seconds"),
        (STREAM, f"comes every {LIMITS.heartbeat_seconds} seconds"),
        (STREAM, f"the last {topics.KEPT} frames of a topic, for {LIMITS.linger_seconds} seconds"),
        (STREAM, f"{limits.FAULTS} faulty frames in a row"),
        (STREAM, f"1 (by default) to {requests.FASTEST:,}."),
        (STREAM, f"takes longer than {replays.LONGEST_GAP_SECONDS:.0f} seconds"),
        (STREAM, f"A socket has up to {replays.MOST_REPLAYS} replays"),
        (STREAM, f"`too_many_replays` | the socket has {replays.MOST_REPLAYS} |"),
        (STREAM, f"up to {sse.MOST_TOPICS}, separated by commas"),
        (STREAM, f"{sse.SHORTEST_RETRY_SECONDS:.0f} to {sse.LONGEST_RETRY_SECONDS:.0f} seconds,"),
        (STREAM, f"nothing to send for {sse.SILENCE_SECONDS:.0f} seconds a comment"),
        (STREAM, f"within {tickets.SECONDS[tickets.TicketKind.STREAM]:.0f} seconds, and then"),
        (ACCOUNTS, f"a stream within {tickets.SECONDS[tickets.TicketKind.STREAM]:.0f} seconds"),
        (CHARTING, f"answer has up to {udf_history.MOST_BARS:,} bars"),
        (CHARTING, f"maxResponseLength: {udf_history.MOST_BARS},"),
        (CHARTING, f"odd days of {hours.YEARS_BACK} years"),
        (CHARTING, f"it has up to {forms.MOST_CONTENT_BYTES >> 20} MB,"),
        (CHARTING, f"and are up to {drawings.MOST_DRAWINGS:,}."),
        (WEBHOOKS, f"no answer within {poster.WHOLE_SECONDS:.0f} seconds"),
        (WEBHOOKS, f"the connection may take {poster.CONNECT_SECONDS:.0f}."),
        (WEBHOOKS, f"For {signing.OVERLAP_SECONDS / 3600:.0f} hours each message is signed"),
        (WEBHOOKS, f"After the {len(schedule.DELAYS) + 1}th attempt"),
        (WEBHOOKS, f"within {browser.TTL_SECONDS / 3600:.0f} hours, then it is given up"),
        (WEBHOOKS, f"To one webhook {turns.AT_ONCE} are under way at once"),
        (WEBHOOKS, f"for {tasks.KEPT_SECONDS / 86_400:.0f} days, the newest {tasks.MOST_KEPT:,}"),
        (OPERATING, f"covers {partitions.BLOCKS_PER_PARTITION} days"),
        (OPERATING, f"| a bar | {len(blocks.encode(ONE_BAR))} bytes"),
        (OPERATING, f"of {connections.MOST} that is {SHARES.writers}, {SHARES.readers} and"),
        (OPERATING, f"all with 12: 5 x {taken(12, [])} + 2 x 12 = 79"),
        (ACCOUNTS, f"of any kind, and at most {passwords.LONGEST}."),
        (ACCOUNTS, f"within {logins.SIBLING_SECONDS:.0f} seconds of its first use"),
        (ACCOUNTS, f'verify` with `{{"token"}}` | {HOURS["verify"]:.0f} hours |'),
        (ACCOUNTS, f'with `{{"token", "password"}}` | {HOURS["reset"]:.0f} hour |'),
        (ACCOUNTS, f"good once, for {tickets.SECONDS[tickets.TicketKind.SOCKET]:.0f} seconds"),
        (ACCOUNTS, f"the newest {MOST:,} entries"),
        (ACCOUNTS, f"After the {throttle.FREE}th wrong password"),
        (ACCOUNTS, f"within {throttle.WINDOW_SECONDS / 60:.0f} minutes that address"),
        (ACCOUNTS, f"1 second, then 2, 4, … up to {throttle.LONGEST_WAIT_SECONDS}:"),
        (ACCOUNTS, f"tried more than {throttle.FREE_FROM_ANYWHERE} times"),
        (ACCOUNTS, f"by up to {throttle.LONGEST_DELAY_SECONDS:.0f} seconds"),
        (ACCOUNTS, f"1 to {idempotency.LONGEST} visible characters"),
        (ACCOUNTS, f"Your last {claims.MOST_KEPT:,} answers are kept,"),
        (ACCOUNTS, f"up to {claims.MOST_KEPT_BYTES >> 20} MiB together"),
        (ACCOUNTS, f"For {claims.KEPT_SECONDS / 3600:.0f} hours you get the first answer"),
        (ACCOUNTS, f'"history";q={_default("history_")};w=60, "anonymous";q={_default("")};w=60'),
        (SECURITY, f"lasts {authenticator.KEY_SECONDS:.0f} seconds at the most"),
        (SECURITY, f"API keys for {authenticator.KEY_SECONDS:.0f} seconds after"),
        (SECURITY, f"later than {logins.SIBLING_SECONDS:.0f} seconds after the first"),
        (SECURITY, f"costs {redis.PATIENCE_SECONDS} seconds, {redis.CONNECT_SECONDS} while"),
        (SECURITY, f"left alone for {redis.REST_SECONDS:.0f}."),
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
        if heading:
            headings = re.findall(r"^#+ (.+)", file.read_text(), re.MULTILINE)
            assert heading in {_anchor(one) for one in headings}, target


def test_the_changelog_keeps_its_form() -> None:
    """Versions, newest first, with the kinds of change that keepachangelog.com knows."""
    headings = re.findall(r"^(#+) (.+)", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[:2] == [("#", "Changelog"), ("##", "Unreleased")]
    kinds = {title for level, title in headings if level == "###"}
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def _names(name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    return [*map(str, alias.choices)] if isinstance(alias, AliasChoices) else [name]


def _said(need: Need) -> str:
    """How the table of scopes puts it."""
    if need in (NEEDS_MARKET_DATA.dependency, NEEDS_STREAM.dependency):
        return "`read`, or none with `PUBLIC_READ`"
    return f"`{need.scopes[0]}`" if need.scopes else "none"


def _takes_login(route: object) -> bool:
    (login,) = get_args(LoginDep)[1:]
    return isinstance(route, APIRoute) and _calls(route.dependant, login.dependency)


def _calls(dependant: Dependant, dependency: object) -> bool:
    return dependant.call is dependency or any(
        _calls(one, dependency) for one in dependant.dependencies
    )


def _routes_in(text: str) -> list[str]:
    return re.findall(r"`((?:GET|PUT|POST|PATCH|DELETE) /[^`?]+)`", text)


def _codes_in(document: str) -> set[str]:
    return {
        code
        for table in re.findall(r"^\| code \|.*\n(?:\|.*\n)+", read(document), re.MULTILINE)
        for cell in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", cell)
    }


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
