"""Every route for every caller: who gets in is what the route has declared, and nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi import FastAPI, Response

from tests.auth import forgeries
from tests.auth.people import Person, Service, bearer, shared
from tests.auth.routes import Headers, Operation, operations
from tests.notifications.browser import Browser
from tests.notifications.telling import notice, tell
from tests.tracked.watched import asked_for

Forge = Callable[[Service, Person], str]


def test_every_route_says_what_it_needs(service: Service) -> None:
    """One that forgot it is open to all."""
    routes = operations(service.app)
    assert len(routes) > 45
    assert [route.name for route in routes if not route.is_declared] == []


def test_a_route_that_forgot_is_found() -> None:
    """Of whatever kind it is."""
    app = FastAPI(openapi_url=None)
    app.add_api_route("/forgot", answer)
    app.add_route("/plain", lambda _: Response())
    app.mount("/below", FastAPI())
    found = {route.name: route.is_declared for route in operations(app)}
    names = {"GET /forgot", "GET /plain", "HEAD /plain", "ANY /below"}
    assert found == dict.fromkeys(names, False)


async def answer() -> Response:
    return Response()


def test_what_is_for_everybody_is_little(service: Service) -> None:
    """A new route in this list is a decision."""
    assert {route.name for route in operations(service.app) if route.scope is None} == {
        "GET /",
        "GET /docs",
        "GET /docs/start.js",
        "GET /docs/swagger-ui-bundle.js",
        "GET /docs/swagger-ui.css",
        "GET /openapi.json",
        "GET /asyncapi.json",
        "GET /static/datafeed.js",
        "GET /health",
        "GET /health/ready",
        "GET /api/charts/health",
        "GET /api/v1/health",
        "GET /.well-known/jwks.json",
        "POST /api/v1/auth/register",
        "POST /api/v1/auth/token",
        "POST /api/v1/auth/refresh",
        "POST /api/v1/auth/password/forgot",
        "POST /api/v1/auth/password/reset",
        "POST /api/v1/auth/email/verify",
        "POST /api/v1/notifications/mail-off",
    }


def test_the_document_names_the_scope_of_every_operation(service: Service) -> None:
    """As the routes have declared it."""
    document = service.client.get("/openapi.json").json()
    for route in operations(service.app):
        operation = document["paths"].get(route.path, {}).get(route.method.lower())
        if operation is not None and route.scope is not None:
            expected = [{"login": [route.scope]}, {"api_key": []}]
            assert operation["security"] == expected[: 2 - route.is_for_logins], route
            assert {"401", "403"} <= {*operation["responses"]}, route
        elif operation is not None:
            assert "security" not in operation, route


BAD_TOKENS = (
    forgeries.expired,
    forgeries.revoked,
    forgeries.tampered,
    forgeries.unsigned,
    forgeries.with_another_audience,
    forgeries.with_an_unknown_key,
)
# One that is read like those need not be tried on every route.
ALIKE = (forgeries.with_another_key, forgeries.from_the_future, forgeries.without_a_subject)
BAD_HEADERS: dict[str, Headers] = {
    "nothing": {},
    "any bytes": [(b"authorization", bytes(range(128, 256)))],
    "an unknown key": {"x-api-key": "tk_00000000_" + "0" * 38},
}
ALIKE_HEADERS: dict[str, Headers] = {
    "another scheme": {"authorization": "Basic YWRhOnBhc3N3b3Jk"},
    "half a header": {"authorization": "Bearer"},
    "an empty key": {"x-api-key": ""},
    "a bearer of any bytes": [(b"authorization", b"Bearer \xff\xfe.\x80.\x81")],
    "a long one": {"authorization": f"Bearer {'x' * 8000}"},
    "a cookie": {"cookie": "session=1; access_token=2"},
}


def wrong_answers(
    service: Service, headers: Headers, expected: Callable[[Operation], int | None], *, junk: bool
) -> dict[str, str]:
    """What routes answered that is not expected; None expects anybody to get in."""
    wrong = {}
    for operation in operations(service.app):
        answer = operation.ask(service.client, headers, junk=junk)
        status, wanted = answer.status_code, expected(operation)
        is_in = status not in {401, 403} and status < 500
        if (wanted is None and not is_in) or (wanted is not None and status != wanted):
            wrong[operation.name] = f"{status}, not {wanted}: {answer.text[:200]}"
        if status == 401:
            assert answer.headers["www-authenticate"] == "Bearer"
    return wrong


def needs_somebody(operation: Operation) -> int | None:
    return None if operation.scope is None else 401


def test_a_stranger_does_not_get_in(service: Service) -> None:
    """Whatever is right about the rest of the request."""
    assert wrong_answers(service, {}, needs_somebody, junk=False) == {}


@pytest.mark.parametrize("headers", BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_without_credentials_nobody_gets_in(service: Service, headers: Headers) -> None:
    """Nor learns what the rest of the request should be."""
    assert wrong_answers(service, headers, needs_somebody, junk=True) == {}


@pytest.mark.parametrize("make", BAD_TOKENS)
def test_with_a_bad_token_nobody_gets_in(service: Service, make: Forge) -> None:
    """Not even an admin; where nobody has to say who they are, it does not matter."""
    admin = service.admin()
    assert admin.is_in()
    headers = bearer(make(service, admin))
    assert wrong_answers(service, headers, needs_somebody, junk=True) == {}
    assert admin.is_in()


@pytest.mark.parametrize("make", ALIKE)
def test_other_bad_tokens_are_refused_alike(service: Service, make: Forge) -> None:
    """Signed or not, they are not ours."""
    admin = service.admin()
    assert admin.is_in()
    admin.access = make(service, admin)
    assert not admin.is_in()


@pytest.mark.parametrize("headers", ALIKE_HEADERS.values(), ids=ALIKE_HEADERS)
def test_other_bad_headers_are_refused_alike(service: Service, headers: Headers) -> None:
    """Nobody is let in for having tried."""
    assert service.client.get("/api/v1/quotes", headers=headers).status_code == 401


def with_scopes(held: str, *, key: bool = False) -> Callable[[Operation], int | None]:
    def expected(operation: Operation) -> int | None:
        if operation.scope is None:
            return None
        is_enough = operation.scope in held.split()
        return None if is_enough and not (key and operation.is_for_logins) else 403

    return expected


@pytest.mark.parametrize("held", ["read", "write", "ingest", ""])
def test_a_login_gets_in_where_its_scope_is_enough(service: Service, held: str) -> None:
    """Everywhere else it is a 403, whatever else the request says; an admin has all."""
    admin = service.admin()
    admin.log_in(scope=held)
    expected = with_scopes(held or "read write ingest admin")
    # Junk does not log out.
    assert wrong_answers(service, admin.headers, expected, junk=True) == {}
    assert admin.try_refresh().status_code == 200


@pytest.mark.parametrize("held", ["read", "write"])
def test_a_key_gets_in_where_its_scope_is_enough(service: Service, held: str) -> None:
    """And never where its owner has to be sure of who it is."""
    key = service.admin().key(scopes=held.split())["key"]
    headers = {"x-api-key": key}
    assert wrong_answers(service, headers, with_scopes(held, key=True), junk=False) == {}


@pytest.mark.parametrize("kind", ["udf", "udf-storage"])
def test_a_path_token_gets_in_nowhere(service: Service, kind: str) -> None:
    """Sent as anything else it is none; and below its address there is none of these routes."""
    token = service.admin().path_token(kind)["token"]
    for headers in (bearer(token), {"x-api-key": token}):
        assert wrong_answers(service, headers, needs_somebody, junk=False) == {}
    for operation in operations(service.app):
        below = replace(operation, path=f"/{kind}/{token}{operation.path}")
        assert below.ask(service.client, {}, junk=False).status_code == 404, operation.name


def test_a_share_gets_in_nowhere(service: Service) -> None:
    """Where nobody has to say who they are it does not matter; of charts it shows what it names."""
    headers = bearer(shared(service, service.admin(), "a chart"))

    def expected(operation: Operation) -> int | None:
        if operation.path == "/api/v1/stream":
            # Which says of each topic who may follow it.
            return None
        return 404 if operation.is_for_shares else with_scopes("")(operation)

    assert wrong_answers(service, headers, expected, junk=False) == {}
    assert wrong_answers(service, headers, expected, junk=True) == {}


def things(service: Service, person: Person) -> dict[str, str]:
    """One of everything that has an id in a route, by that route."""
    panes = [{"series": [{"id": "price", "type": "line"}]}]
    chart = person.call("POST", "/charts", {"panes": panes}).json()["id"]
    watchlist = person.call("POST", "/watchlists", {"name": "Mine"}).json()["id"]
    service.admin().call("PUT", "/symbols/US:LETTER", {})
    condition = {"type": "price", "is": "above", "level": 1.0}
    alerted = {"symbol": "US:LETTER", "conditions": [condition]}
    alert = person.call("POST", "/alerts", alerted).json()["id"]
    webhook = person.call("POST", "/webhooks", {"url": "https://example.com/"}).json()["id"]
    pushed = person.call("PUT", "/push/subscriptions", Browser().subscription()).json()["id"]
    sent = ("", "/secret", "/test", "/deliveries", "/deliveries/{delivery}/replay")
    tell(service.url, notice(person.id, "something"))
    reads = ("", "/quotes", "/stats", "/export")
    listed = (
        *reads,
        "/shares",
        "/shares/{share}",
        "/duplicate",
        "/items",
        "/items/{symbol}",
        "/import",
    )
    parts = ("", "/duplicate", "/shares", "/shares/{share}", "/series/{series}/points")
    return {
        **{f"/api/v1/charts/{{id}}{part}": chart for part in parts},
        **{f"/api/v1/watchlists/{{id}}{part}": watchlist for part in listed},
        **dict.fromkeys(("/api/v1/alerts/{id}", "/api/v1/alerts/{id}/test"), alert),
        **{f"/api/v1/webhooks/{{id}}{part}": webhook for part in sent},
        "/api/v1/push/subscriptions/{id}": pushed,
        "/api/v1/jobs/{id}": asked_for(service.url, person.id),
        "/api/v1/notifications/{id}": person.get("/notifications")["items"][0]["id"],
        "/api/v1/auth/sessions/{id}": person.get("/auth/sessions")["current"],
        "/api/v1/auth/api-keys/{id}": person.key()["id"],
        "/api/v1/auth/path-tokens/{id}": person.path_token()["id"],
        "/api/v1/admin/users/{id}": person.id,
        "/api/v1/admin/api-keys/{id}/rate": person.key()["id"],
        **dict.fromkeys(("/api/v1/admin/jobs/{id}", "/api/v1/admin/jobs/{id}/requeue"), "1"),
    }


def test_what_is_somebody_elses_is_not_there(service: Service) -> None:
    """On every route with an id it is as if nobody had it, and nothing happens to it."""
    owner, other = service.person(), service.person()
    owned = things(service, owner)
    before = [owner.get("/auth/me/export"), owner.get("/charts")]
    for operation in operations(service.app):
        if "{id}" in operation.path:
            id = owned[operation.path]
            theirs = operation.ask(service.client, other.headers, junk=False, id=id)
            nobodys = operation.ask(service.client, other.headers, junk=False)
            expected = 403 if operation.scope == "admin" else 404
            assert theirs.status_code == nobodys.status_code == expected, operation.name
            assert theirs.json()["detail"] == nobodys.json()["detail"], operation.name
    assert [owner.get("/auth/me/export"), owner.get("/charts")] == before


@pytest.mark.parametrize("scopes", ["read write", "read write ingest admin"])
def test_nothing_breaks_for_whoever_gets_in(service: Service, scopes: str) -> None:
    """With ids that nobody has: what is not there is a 404, for an admin, too."""
    person, expected = service.admin(), with_scopes(scopes)
    person.log_in(scope=scopes)
    for operation in operations(service.app):
        answer = operation.ask(service.client, person.headers, junk=False)
        wanted = expected(operation)
        is_as_wanted = answer.status_code == (wanted or answer.status_code)
        assert is_as_wanted, f"{operation.name}: {answer.text}"
        assert wanted or answer.status_code not in {401, 403}, f"{operation.name}: {answer.text}"
        assert answer.status_code < 500, f"{operation.name}: {answer.text}"
        if operation.path.endswith("/{id}") and not wanted:
            assert answer.status_code == 404, operation.name
        if operation.path.endswith("/logout"):
            person.log_in(scope=scopes)
