"""What is open when the operator opens it, and that it stays shut otherwise."""

from collections.abc import Callable
from uuid import UUID

import httpx2
import pytest

from tests.auth.people import NOON, Person, Service, bearer
from tests.auth.routes import operations

SYMBOL = "US:A"
HISTORY = f"/api/v1/bars/{SYMBOL}?resolution=1d"
DAY = 86_400
MARKET_DATA = {
    "GET /api/v1/bars/{symbol}",
    "GET /api/v1/symbols",
    "GET /api/v1/symbols/{symbol}",
    "GET /api/v1/symbols/{symbol}/actions",
    "GET /api/v1/symbols/{symbol}/shares",
    "GET /api/v1/exchanges",
    "GET /api/v1/market/status",
    "GET /api/v1/quotes",
    "GET /api/v1/stream",
    "GET /api/v1/indices",
    "GET /api/v1/indices/{code}",
    *(
        f"GET /api/v1/indices/{{code}}/{told}"
        for told in (
            *("attribution", "builds", "changes", "composition", "drawdowns", "export"),
            *("monthly", "performance", "risk", "rolling"),
        )
    ),
    "GET /api/v1/index-performance",
    "GET /api/v1/index-composition",
    "GET /api/v1/composition-changes",
    "POST /api/v1/export",
    "GET /udf/config",
    "GET /udf/history",
    "GET /udf/marks",
    "GET /udf/quotes",
    "GET /udf/search",
    "GET /udf/symbol_info",
    "GET /udf/symbols",
    "GET /udf/time",
    "GET /udf/timescale_marks",
}
# Who sends something has to be right, however open it is.
BAD = [bearer("x.y.z"), {"x-api-key": "tk_x"}, {"authorization": "Basic eDp5"}]


def kept_history(admin: Person) -> None:
    """Bars of a symbol, whose answer is kept: it has been asked for twice."""
    assert admin.call("PUT", f"/symbols/{SYMBOL}", {}).status_code in {200, 201}
    last = int(NOON // DAY) * DAY
    bars = [
        {
            "symbol": SYMBOL,
            "resolution": "1d",
            "time": last - day * DAY,
            "volume": 1,
            **dict.fromkeys(("open", "high", "low", "close"), 100),
        }
        for day in range(1, 8)
    ]
    answer = admin.call("POST", "/bars", bars)
    assert (answer.status_code, answer.json()["rejected"]) == (200, 0), answer.text
    before = hits(admin)
    for _ in range(2):
        assert str(last - DAY) in str(admin.get(HISTORY.removeprefix("/api/v1")))
    assert hits(admin) == before + 1


def hits(person: Person) -> float:
    text = person.client.get("/metrics", headers=person.headers).text
    (line,) = [line for line in text.splitlines() if 'cache_hits_total{cache="responses"}' in line]
    return float(line.rpartition(" ")[2])


def test_a_kept_answer_is_for_those_who_may_read(service: Service) -> None:
    """It takes the same way in: no route looks at it again."""
    admin = service.admin()
    kept_history(admin)
    writer = service.admin()
    writer.log_in(scope="write")
    for headers, status in (
        ({}, 401),
        (bearer("x.y.z"), 401),
        (writer.headers, 403),
        (admin.headers, 200),
    ):
        for more in ({}, {"if-none-match": "*"}):
            answer = service.client.get(HISTORY, headers={**headers, **more})
            assert answer.status_code == (304 if status == 200 and more else status)
    assert admin.call("POST", "/auth/logout").status_code == 204
    assert service.client.get(HISTORY, headers=admin.headers).status_code == 401


def test_public_read_opens_market_data_and_nothing_else(serve: Callable[..., Service]) -> None:
    """Kept or not; and what is sent has to be right."""
    service = serve(public_read=True)
    kept_history(service.admin())
    assert service.client.get(HISTORY).status_code == 200
    for operation in operations(service.app):
        answer = operation.ask(service.client, {}, junk=False)
        is_open = operation.scope is None or operation.name in MARKET_DATA
        assert (answer.status_code != 401) == is_open, operation.name
    for headers in BAD:
        assert service.client.get(HISTORY, headers=headers).status_code == 401
        assert service.client.get("/api/v1/quotes", headers=headers).status_code == 401


@pytest.fixture
def open_service(serve: Callable[..., Service]) -> Service:
    """As it is in development, where nothing else is said."""
    return serve(auth_required=False)


def test_an_open_service_takes_everybody_for_dev(open_service: Service) -> None:
    """Who may do all that takes no login."""
    client = open_service.client
    me = client.get("/api/v1/auth/me").json()
    assert (me["id"], me["email"], me["role"]) == (str(UUID(int=0)), "dev", "admin")
    for operation in operations(open_service.app):
        answer = operation.ask(client, {}, junk=False)
        needs_login = operation.is_for_logins
        assert (answer.status_code in {401, 403}) == needs_login, operation.name
        assert not needs_login or answer.json()["code"] == "login_required"


@pytest.mark.parametrize("headers", BAD)
def test_an_open_service_refuses_bad_credentials(
    open_service: Service, headers: dict[str, str]
) -> None:
    """A client that believes to be logged in must learn that it is not."""
    for operation in operations(open_service.app):
        answer = operation.ask(open_service.client, headers, junk=True)
        assert (answer.status_code == 401) == (operation.scope is not None), operation.name


def test_people_of_an_open_service_are_who_they_are(open_service: Service) -> None:
    """Who logs in may do what they may do, and no more."""
    person = open_service.person()
    assert person.get("/auth/me")["email"] == person.address
    assert person.call("GET", "/admin/users").status_code == 403
    answer: httpx2.Response = Person(open_service.client, "dev").try_log_in()
    assert answer.status_code == 401
