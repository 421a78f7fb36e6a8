"""Who may ask for what: each route as nobody, a stranger, its owner, and by a token."""

from collections.abc import Callable

import httpx2
import pytest

from tests.auth.people import NOON, Service, shared
from tests.auth.routes import Operation, operations
from tests.udf.test_refusals import refused

FORM = {"name": "x", "content": "1", "symbol": "US:A", "resolution": "1D"}
DAY = 86400


def ours(service: Service) -> list[Operation]:
    found = [one for one in operations(service.app) if one.path.startswith("/udf")]
    assert len(found) == 23
    return found


def ask(
    service: Service, operation: Operation, path: str, headers: dict[str, str]
) -> httpx2.Response:
    """With all that any of them wants to know."""
    query = {
        "symbol": "US:A",
        "symbols": "US:A",
        "group": "US",
        "resolution": "1D",
        "from": "0",
        "to": str(int(NOON)),
        "client": "page",
        "user": "user",
        "tool": "LineTool",
        "name": "x",
    }
    form = FORM if operation.method == "POST" else None
    return service.client.request(operation.method, path, params=query, data=form, headers=headers)


@pytest.fixture
def seeded(service: Service) -> Service:
    """With a symbol that has bars."""
    admin = service.admin()
    admin.call("PUT", "/symbols/US:A", {})
    bars = [
        {"symbol": "US:A", "resolution": "1d", "time": NOON // DAY * DAY - k * DAY}
        | dict.fromkeys(("open", "high", "low", "close", "volume"), 1)
        for k in range(3)
    ]
    assert admin.call("POST", "/bars", bars).json()["rejected"] == 0
    return service


def test_nobody_gets_in(seeded: Service) -> None:
    """With no credentials, with bad ones, or with a share."""
    share = {"authorization": f"Bearer {shared(seeded, seeded.person(), 'chart')}"}
    bad = {"authorization": "Bearer nonsense"}
    for operation in ours(seeded):
        for headers, status in (({}, 401), (bad, 401), (share, 403)):
            answer = ask(seeded, operation, operation.path, headers)
            assert answer.status_code == status, operation.name
            assert refused(answer)


def test_somebody_gets_in(seeded: Service) -> None:
    """By login, by key, or by a token in the address, and only to what that is for."""
    person = seeded.person()
    reader = {"x-api-key": person.key(scopes=["read"])["key"]}
    tokens = {kind: person.path_token(kind)["token"] for kind in ("udf", "udf-storage")}
    for operation in ours(seeded):
        kind, rest = operation.path.removeprefix("/").split("/", 1)
        assert ask(seeded, operation, operation.path, person.headers).status_code == 200
        by_token = ask(seeded, operation, f"/{kind}/{tokens[kind]}/{rest}", {})
        assert by_token.status_code == 200, operation.name
        other = tokens["udf" if kind == "udf-storage" else "udf-storage"]
        assert ask(seeded, operation, f"/{kind}/{other}/{rest}", {}).status_code == 401
        expected = 200 if operation.method == "GET" else 403
        answer = ask(seeded, operation, operation.path, reader)
        assert answer.status_code == expected, operation.name


def test_a_token_answers_as_a_login_does(seeded: Service) -> None:
    """The routes know nothing of it."""
    person = seeded.person()
    token = person.path_token()["token"]
    for operation in ours(seeded):
        if operation.path.startswith("/udf/"):
            by_login = ask(seeded, operation, operation.path, person.headers)
            path = operation.path.replace("/udf", f"/udf/{token}")
            assert ask(seeded, operation, path, {}).content == by_login.content


def test_with_public_read_the_market_is_open(serve: Callable[..., Service]) -> None:
    """To anybody, at the limits of those who are not known; what is saved is not."""
    service = serve(public_read=True, rate_limit_per_minute=30, rate_limit_history_per_minute=2)
    for operation in ours(service):
        place = {"x-forwarded-for": "203.0.113.9"}
        answer = ask(service, operation, operation.path, place)
        is_market = operation.path.startswith("/udf/")
        assert (answer.status_code != 401) == is_market, operation.name
        assert '"anonymous"' in answer.headers["ratelimit-policy"]
        assert ('"history"' in answer.headers["ratelimit-policy"]) == (
            operation.path == "/udf/history"
        )
        # Bad credentials are none the better for it.
        bad = ask(service, operation, operation.path, {"authorization": "Bearer nonsense"})
        assert bad.status_code == 401
    place = {"x-forwarded-for": "203.0.113.10"}
    statuses = [
        service.client.get("/udf/history?symbol=US:A&resolution=1D&from=0&to=1", headers=place)
        for _ in range(3)
    ]
    assert [answer.status_code for answer in statuses] == [404, 404, 429]


def test_kept_bars_are_for_those_who_may_see_them(seeded: Service) -> None:
    """An answer that is kept for one caller is not given to nobody."""
    person = seeded.person()
    path = f"/udf/history?symbol=US:A&resolution=1D&from=0&to={int(NOON)}&countback=2"
    for _ in range(2):
        assert seeded.client.get(path, headers=person.headers).status_code == 200
    answer = seeded.client.get(path)
    assert answer.status_code == 401
    assert refused(answer)


def test_everybody_has_the_development_service(serve: Callable[..., Service]) -> None:
    """Where nobody has to say who they are, what is saved is the user dev's."""
    service = serve(auth_required=False)
    query = {"client": "page", "user": "user"}
    saved = service.client.post("/udf-storage/1.1/charts", params=query, data=FORM).json()
    (chart,) = service.client.get("/udf-storage/1.1/charts", params=query).json()["data"]
    assert chart["id"] == saved["id"]
    person = service.person()
    mine = service.client.get("/udf-storage/1.1/charts", params=query, headers=person.headers)
    assert mine.json()["data"] == []
