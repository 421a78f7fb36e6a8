"""Indices over HTTP: defined, built by a job, and symbols like any other."""

from itertools import count
from typing import Any

from tests.auth.people import Person, Service, eventually

Json = dict[str, Any]
_numbers = count(1)
# Sessions of a market that never closes.
DAYS = [f"2024-06-{day:02}" for day in range(3, 9)]


def stocks(admin: Person) -> str:
    """Two stocks of an exchange of their own, with bars of six days; its code."""
    exchange = f"X{next(_numbers)}"
    for ticker, closes in {"A": [10, 11, 12, 11, 10, 10], "B": [20, 20, 20, 20, 20, 25]}.items():
        symbol = f"{exchange}:{ticker}"
        assert admin.call("PUT", f"/symbols/{symbol}", {"sector": "Tech"}).status_code == 201
        counts = {"items": [{"effective": "2024-06-01", "shares": 100}]}
        assert admin.call("PUT", f"/symbols/{symbol}/shares", counts).status_code == 200
        bars = [
            {"symbol": symbol, "resolution": "1d", "time": day, **_flat(close), "volume": 1}
            for day, close in zip(DAYS, closes, strict=True)
        ]
        assert admin.call("POST", "/bars", bars).status_code == 200
    return exchange


def _flat(price: float) -> Json:
    return dict.fromkeys(("open", "high", "low", "close"), price)


def defined(admin: Person, **rules: Any) -> Json:
    """Of those two stocks."""
    code = f"I{next(_numbers)}"
    body = {"code": code, "universe": {"exchanges": [stocks(admin)]}, **rules}
    answer = admin.call("POST", "/indices", body)
    assert answer.status_code == 201, answer.text
    index: Json = answer.json()
    return index


def built(admin: Person, code: str, **range: Any) -> Json:
    """Its job, once that has ended."""
    answer = admin.call("POST", f"/indices/{code}/build", range)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["status_url"]
    for _ in eventually(20):
        job: Json = admin.get(f"/jobs/{answer.json()['id']}")
        if job["finished_at"] is not None:
            return job
    raise AssertionError


def test_an_index_is_defined_built_and_a_symbol(service: Service) -> None:
    """With the defaults of everything that is left out."""
    admin = service.admin()
    index = defined(admin)
    assert (index["definition"]["count"], index["definition"]["weighting"]) == (100, "equal")
    assert (index["revision"], index["start"], index["is_current"]) == (0, None, False)
    job = built(admin, index["code"], end="2024-06-08")
    assert job["status"] == "succeeded", job
    assert job["result"]["sessions"] == 6
    after = admin.get(f"/indices/{index['code'].lower()}")
    assert (after["revision"], after["start"], after["end"]) == (1, DAYS[0], DAYS[-1])
    assert (after["is_current"], after["static_shares"]) == (True, False)
    bars = admin.get(f"/bars/{index['symbol']}?resolution=1d")
    assert bars["close"][0] == 1000
    assert bars["close"][1] == 1050
    assert admin.get(f"/symbols/{index['symbol']}")["type"] == "index"
    assert index["code"] in [one["code"] for one in admin.get("/indices?limit=500")["items"]]
    [build] = admin.get(f"/indices/{index['code']}/builds")["items"]
    assert (build["id"], build["status"], build["revision"]) == (job["id"], "published", 1)


def test_other_rules_are_followed_by_the_next_build(service: Service) -> None:
    """Whoever edits what somebody else has edited is told."""
    admin = service.admin()
    index = defined(admin)
    code, etag = index["code"], f'"{_id(admin, index)}"'
    built(admin, code, end="2024-06-05")
    rules = {**index["definition"], "weighting": "price"}
    changed = admin.call("PUT", f"/indices/{code}", rules, headers={"if-match": etag})
    assert changed.status_code == 200, changed.text
    assert changed.json()["is_current"] is False
    again = admin.call("PUT", f"/indices/{code}", rules, headers={"if-match": etag})
    assert again.status_code == 412
    assert built(admin, code, start="2024-06-05", end="2024-06-08")["status"] == "succeeded"
    after = admin.get(f"/indices/{code}")
    assert (after["is_current"], after["start"], after["revision"]) == (True, "2024-06-05", 2)


def _id(admin: Person, index: Json) -> str:
    etag: str = admin.call("GET", f"/indices/{index['code']}").headers["etag"]
    return etag.strip('"')


def test_what_cannot_be_is_refused(service: Service) -> None:
    """Each with its code, before there is a job."""
    admin = service.admin()
    index = defined(admin)
    code = index["code"]
    for body, expected in [
        ({"code": code, "universe": index["definition"]["universe"]}, (409, "index_exists")),
        ({"code": "NEW", "universe": {"exchanges": ["NONE"]}}, (422, "empty_universe")),
        ({"code": "no good"}, (422, "invalid_field")),
        ({"code": "NEW", "base_value": 1e-300}, (422, "invalid_field")),
        ({"code": "NEW", "calendar": "NONE"}, (422, "unknown_calendar")),
    ]:
        answer = admin.call("POST", "/indices", body)
        assert (answer.status_code, answer.json()["code"]) == expected, answer.text
        assert len(answer.json()["errors"]) <= 1
    for body in (
        {"start": "2024-06-06", "end": "2024-06-05"},
        {"start": "2300-01-01"},
    ):
        answer = admin.call("POST", f"/indices/{code}/build", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "nothing_to_build")
    assert admin.call("POST", "/indices/NONE/build").status_code == 404
    person = service.person()
    assert person.call("POST", f"/indices/{code}/build", {}).status_code == 403
    assert person.call("GET", f"/indices/{code}").status_code == 200


def test_an_index_goes_with_its_symbol(service: Service) -> None:
    """And the symbol with the index; its name may be used again."""
    admin = service.admin()
    index = defined(admin)
    built(admin, index["code"], end="2024-06-04")
    assert admin.call("DELETE", f"/indices/{index['code']}").status_code == 204
    assert admin.call("GET", f"/symbols/{index['symbol']}").status_code == 404
    assert admin.call("GET", f"/indices/{index['code']}").status_code == 404
    assert (
        admin.call("POST", "/indices", {**index["definition"], "code": index["code"]}).json()[
            "revision"
        ]
        == 0
    )
