"""Alerts over HTTP."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.auth.people import Person, Service, eventually
from tests.watchlists.lists import list_symbols
from tradeapi.alerts import quota

Json = dict[str, Any]
ABOVE: Json = {"type": "price", "is": "above", "level": 190.0}


def alert_on(symbol: str = "T:AAA", *conditions: Mapping[str, Any], **options: object) -> Json:
    return {"symbol": symbol, "conditions": [*conditions] or [ABOVE], **options}


def made(person: Person, *conditions: Mapping[str, Any], **options: object) -> Json:
    answer = person.call("POST", "/alerts", alert_on("T:AAA", *conditions, **options))
    assert answer.status_code == 201, answer.text
    alert: Json = answer.json()
    return alert


def test_an_alert_is_made_read_changed_and_deleted(service: Service) -> None:
    """Each answer has its ETag, and a change of what another has changed is refused."""
    person = service.person()
    answer = person.call("POST", "/alerts", alert_on(note="Sell?", repeat=True, cool_down=60.0))
    alert = answer.json()
    assert alert["status"] == "active"
    assert (alert["note"], alert["repeat"], alert["cool_down"]) == ("Sell?", True, 60.0)
    assert alert["conditions"] == [ABOVE]
    etag = answer.headers["etag"]
    path = f"/alerts/{alert['id']}"
    assert person.call("GET", path).headers["etag"] == etag
    change = {"note": "", "conditions": [{**ABOVE, "level": 200.0}]}
    changed = person.call("PATCH", path, change, headers={"if-match": etag})
    assert changed.json()["version"] == 2
    assert changed.json()["conditions"][0]["level"] == 200.0
    assert person.call("PATCH", path, change, headers={"if-match": etag}).status_code == 412
    disabled = person.call("PATCH", path, {"enabled": False})
    assert disabled.json()["status"] == "disabled"
    assert person.call("DELETE", path).status_code == 204
    assert person.call("GET", path).status_code == 404


def test_alerts_are_listed_by_symbol_and_status(service: Service) -> None:
    """The newest first, page by page."""
    person = service.person()
    ids = [made(person)["id"] for _ in range(3)]
    other = person.call("POST", "/alerts", alert_on("T:BBB")).json()["id"]
    person.call("PATCH", f"/alerts/{ids[0]}", {"enabled": False})
    assert [one["id"] for one in person.get("/alerts")["items"]] == [other, *reversed(ids)]
    active = person.get("/alerts?symbol=t:aaa&status=active")["items"]
    assert [one["id"] for one in active] == [ids[2], ids[1]]
    page = person.get("/alerts?limit=3")
    rest = person.get(f"/alerts?limit=3&cursor={page['next_cursor']}")
    assert [one["id"] for one in rest["items"]] == [ids[0]]
    assert rest["next_cursor"] is None


INDICATOR: Json = {"type": "indicator", "indicator": "rsi", "is": "below", "level": 30.0}


def test_what_is_left_out_of_an_indicator_is_named(service: Service) -> None:
    """Parameters and output, as they are watched."""
    alert = made(service.person(), {**INDICATOR, "other": None})
    assert alert["conditions"] == [
        {
            "type": "indicator",
            "indicator": "rsi",
            "params": {"period": 14},
            "output": "rsi",
            "resolution": "1d",
            "on": "close",
            "is": "below",
            "level": 30.0,
            "other": None,
        }
    ]


@pytest.mark.parametrize(
    ("condition", "pointer"),
    [
        ({**INDICATOR, "level": None}, "/conditions/0/level"),
        ({**INDICATOR, "indicator": "nothing"}, "/conditions/0/indicator"),
        ({**INDICATOR, "params": {"period": 1}}, "/conditions/0/params/period"),
        ({**INDICATOR, "output": "k"}, "/conditions/0/output"),
        ({**INDICATOR, "other": {"indicator": "ema"}}, "/conditions/0/level"),
        ({**INDICATOR, "level": None, "other": {"indicator": "rsi"}}, "/conditions/0/other"),
        ({"type": "price", "is": "above", "level": 0.0}, "/conditions/0/level"),
        ({"type": "price", "is": "above", "level": "190"}, "/conditions/0/level"),
        ({"type": "price", "is": "near", "level": 1.0}, "/conditions/0/is"),
        ({"type": "move", "percent": -1.0}, "/conditions/0/percent"),
        ({"type": "volume", "times": 2.0, "bars": 0}, "/conditions/0/bars"),
        ({"type": "extreme", "of": "day", "is": "high"}, "/conditions/0/of"),
        ({"type": "moon"}, "/conditions/0"),
    ],
)
def test_bad_conditions_are_named(service: Service, condition: Json, pointer: str) -> None:
    """Where they are, and nothing is made."""
    person = service.person()
    answer = person.call("POST", "/alerts", alert_on("T:AAA", condition))
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]], answer.text
    assert not person.get("/alerts")["items"]


def test_a_time_that_is_over_is_refused(service: Service) -> None:
    """And so is to enable what has expired."""
    answer = service.person().call("POST", "/alerts", alert_on(expires_at=1.0))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/expires_at"


def test_a_test_is_told_and_marked(service: Service) -> None:
    """The alert stays as it is."""
    person = service.person()
    alert = made(person, note="Sell?")
    assert person.call("POST", f"/alerts/{alert['id']}/test").status_code == 202
    [told] = person.get("/notifications")["items"]
    assert told["is_test"]
    assert told["type"] == "alert.test"
    assert told["data"]["alert_id"] == alert["id"]
    assert "Sell?" in told["text"]
    assert person.get(f"/alerts/{alert['id']}") == alert


def test_suggestions_can_be_posted_as_they_are(service: Service) -> None:
    """Without a price there are those that need none."""
    person = service.person()
    found = person.get("/alerts/suggestions?symbol=T:AAA")["items"]
    assert len(found) == 3
    for one in found:
        alert = {"symbol": one["symbol"], "conditions": one["conditions"]}
        assert person.call("POST", "/alerts", alert).status_code == 201


def test_the_quota_is_kept(serve: Any) -> None:
    """With a clear error, and room again once one is deleted."""
    service: Service = serve(alerts_per_user=2)
    list_symbols(service)
    person = service.person()
    first, _ = made(person), made(person)
    refused = person.call("POST", "/alerts", alert_on())
    assert (refused.status_code, refused.json()["code"]) == (403, "quota_alerts")
    person.call("DELETE", f"/alerts/{first['id']}")
    made(person)


def test_indicators_of_one_symbol_are_bounded(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same one may be asked for by any number of alerts."""
    monkeypatch.setattr(quota, "MOST_COMPUTED", 2)
    person = service.person()
    made(person, {**INDICATOR, "params": {"period": 3}})
    last = made(person, {**INDICATOR, "params": {"period": 4}})
    made(person, {**INDICATOR, "params": {"period": 3}, "level": 40.0}, ABOVE)
    another = {**INDICATOR, "params": {"period": 5}}
    refused = person.call("POST", "/alerts", alert_on("T:AAA", another))
    assert (refused.status_code, refused.json()["code"]) == (403, "quota_indicators")
    more = {"conditions": [another, {**INDICATOR, "params": {"period": 6}}]}
    refused = person.call("PATCH", f"/alerts/{last['id']}", more)
    assert (refused.status_code, refused.json()["code"]) == (403, "quota_indicators")
    assert person.get(f"/alerts/{last['id']}") == last
    assert person.call("PATCH", f"/alerts/{last['id']}", {"conditions": [another]}).is_success
    assert person.call("POST", "/alerts", alert_on("T:BBB", another)).status_code == 201


def test_strangers_see_nothing(service: Service) -> None:
    """Neither in a list nor by id."""
    owner, stranger = service.person(), service.person()
    id = made(owner)["id"]
    assert not stranger.get("/alerts")["items"]
    for method, part in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
        answer = stranger.call(method, f"/alerts/{id}{part}", {} if method != "GET" else None)
        assert answer.status_code == 404
    assert owner.get(f"/alerts/{id}")["status"] == "active"


def test_an_alert_fires_over_http(service: Service) -> None:
    """From the tick that is posted to the inbox, once; then it is watched no more."""
    person, admin = service.person(), list_symbols(service, ["T:LIVE"])

    def trade(price: float) -> None:
        tick = {"symbol": "T:LIVE", "time": service.clock.now(), "price": price, "size": 1}
        assert admin.call("POST", "/ticks", [tick]).is_success
        service.clock.time += 1

    trade(100.0)
    condition = {"type": "price", "is": "crosses_up", "level": 105.0}
    alert = person.call("POST", "/alerts", alert_on("T:LIVE", condition)).json()
    for price in (104.0, 106.0, 104.0, 107.0):
        trade(price)
    for _ in eventually():
        if found := person.get("/notifications")["items"]:
            break
    [told] = found
    assert told["title"] == "T:LIVE: price up through 105"
    assert person.get(f"/alerts/{alert['id']}")["status"] == "fired"
    enabled = person.call("PATCH", f"/alerts/{alert['id']}", {"enabled": True}).json()
    assert (enabled["status"], enabled["fired_count"]) == ("active", 1)


def test_alerts_are_in_the_export_of_the_account(service: Service) -> None:
    """All that their owner has said of them, and when they fired."""
    person = service.person()
    alert = made(person, repeat=True, cool_down=60.0, note="Sell?")
    [exported] = person.call("GET", "/auth/me/export").json()["alerts"]
    assert exported["is_repeating"]
    same = ("id", "symbol", "conditions", "match", "cool_down", "expires_at", "note", "status")
    assert {name: exported[name] for name in same} == {name: alert[name] for name in same}
    assert exported["fired_at"] is None
