"""Alerts that items of watchlists keep, over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.auth.people import Service, code, eventually
from tests.watchlists.lists import Json, List, list_symbols

TOLD: Json = {"target_price": 20.0, "stop_loss": 10.0, "alert_enabled": True}


def kept(mine: List) -> dict[tuple[str, str], Json]:
    """The alerts of a list, by symbol and purpose."""
    found = mine.person.get(f"/alerts?watchlist={mine.id}")["items"]
    alerts = {(one["symbol"], one["purpose"]): one for one in found}
    assert len(alerts) == len(found)
    assert {one["watchlist_id"] for one in found} <= {mine.id}
    return alerts


def levels(mine: List) -> dict[tuple[str, str], float]:
    return {place: alert["conditions"][0]["level"] for place, alert in kept(mine).items()}


def test_an_item_keeps_alerts_for_its_target_and_its_stop(mine: List) -> None:
    """As long as it wants them and has these prices; and they are like any others."""
    mine.add("T:BBB", target_price=20.0, stop_loss=10.0)
    assert kept(mine) == {}
    mine.add("T:AAA", **TOLD)
    alerts = kept(mine)
    assert [(place, alert["conditions"]) for place, alert in sorted(alerts.items())] == [
        (("T:AAA", "stop"), [{"type": "price", "is": "below", "level": 10.0}]),
        (("T:AAA", "target"), [{"type": "price", "is": "above", "level": 20.0}]),
    ]
    for alert in alerts.values():
        assert (alert["status"], alert["repeat"], alert["note"]) == ("active", False, "")
        assert mine.person.get(f"/alerts/{alert['id']}") == alert
    mine.change("T:AAA", target_price=None)
    assert kept(mine) == {("T:AAA", "stop"): alerts["T:AAA", "stop"]}
    mine.change("T:AAA", alert_enabled=False)
    assert kept(mine) == {}
    mine.change("T:AAA", alert_enabled=True, target_price=30.0)
    assert levels(mine) == {("T:AAA", "stop"): 10.0, ("T:AAA", "target"): 30.0}
    mine.person.call("DELETE", f"{mine.path}/items/T:AAA")
    assert kept(mine) == {}


def test_only_what_moves_is_watched_again(mine: List) -> None:
    """The alert is the same one, for another level; an edit of anything else changes none."""
    for symbol in ("T:AAA", "T:BBB"):
        mine.add(symbol, **TOLD)
    before = kept(mine)
    mine.change("T:AAA", notes="n", position=1)
    assert kept(mine) == before
    changes = [{"symbol": "T:AAA", "target_price": 25.0}, {"symbol": "T:BBB", "notes": "n"}]
    assert mine.person.call("PATCH", f"{mine.path}/items", {"items": changes}).is_success
    after = kept(mine)
    moved = after.pop(("T:AAA", "target"))
    old = before.pop(("T:AAA", "target"))
    assert after == before
    assert (moved["id"], moved["version"]) == (old["id"], 2)
    assert moved["conditions"][0]["level"] == 25.0


def test_a_file_that_is_imported_again_changes_no_alert(mine: List) -> None:
    """Whether it is merged or replaces all; what it does not have any more goes."""
    mine.take("symbol,target_price,alert_enabled\nT:AAA,20,TRUE\nT:BBB,30,true\nT:CCC,1,\n")
    alerts = kept(mine)
    assert levels(mine) == {("T:AAA", "target"): 20.0, ("T:BBB", "target"): 30.0}
    text = mine.export()
    for mode in ("merge", "replace", "replace"):
        assert mine.take(text, mode=mode).is_success
        assert kept(mine) == alerts
        assert mine.export() == text
    mine.take("symbol,target_price,alert_enabled\nT:AAA,20,true\n", mode="replace")
    assert kept(mine) == {("T:AAA", "target"): alerts["T:AAA", "target"]}
    mine.take("symbol,target_price\nT:AAA,20\n")
    assert kept(mine) == {}


def test_a_copy_has_alerts_of_its_own(mine: List) -> None:
    """Which go with it, and those of the first list stay."""
    mine.add("T:AAA", **TOLD)
    mine.add("T:BBB", target_price=5.0)
    alerts = kept(mine)
    answer = mine.person.call("POST", f"{mine.path}/duplicate", {"name": "Copy"})
    copy = List(mine.person, answer.json()["id"])
    assert levels(copy) == levels(mine)
    assert kept(mine) == alerts
    assert not {one["id"] for one in kept(copy).values()} & {one["id"] for one in alerts.values()}
    assert copy.person.call("DELETE", copy.path).status_code == 204
    assert mine.person.get("/alerts")["items"] == [*reversed(sorted_by_id(alerts))]


def sorted_by_id(alerts: dict[tuple[str, str], Json]) -> list[Json]:
    return sorted(alerts.values(), key=lambda one: str(one["id"]))


def test_alerts_go_with_what_is_taken_off(service: Service) -> None:
    """All items, a list, a symbol of the market."""
    admin = list_symbols(service, ["T:OVER"])
    mine = List.of(admin, "Going")
    for symbol in ("T:AAA", "T:OVER"):
        mine.add(symbol, **TOLD)
    assert admin.call("DELETE", "/symbols/T:OVER").is_success
    assert {symbol for symbol, _ in kept(mine)} == {"T:AAA"}
    assert admin.call("DELETE", f"{mine.path}/items").status_code == 204
    assert kept(mine) == {}
    mine.add("T:AAA", **TOLD)
    assert admin.call("DELETE", mine.path).status_code == 204
    assert kept(mine) == {}


def test_what_an_item_keeps_is_changed_by_the_item(mine: List) -> None:
    """But for how and whether it tells, which stays whatever the item does."""
    mine.add("T:AAA", **TOLD)
    [path] = [f"/alerts/{one['id']}" for one in kept(mine).values() if one["purpose"] == "stop"]
    condition = {"type": "price", "is": "below", "level": 5.0}
    for answer in (
        mine.person.call("PATCH", path, {"conditions": [condition], "note": "x"}),
        mine.person.call("PATCH", path, {"match": "any"}),
        mine.person.call("DELETE", path),
    ):
        assert (answer.status_code, code(answer)) == (409, "kept_by_watchlist")
    ways = {"note": "Out!", "repeat": True, "cool_down": 5.0, "channels": ["email"]}
    changed = mine.person.call("PATCH", path, {**ways, "enabled": False})
    assert changed.status_code == 200, changed.text
    mine.change("T:AAA", target_price=30.0, notes="n")
    assert mine.person.get(path) == changed.json()
    mine.change("T:AAA", stop_loss=11.0)
    alert = mine.person.get(path)
    assert alert["conditions"] == [{**condition, "level": 11.0}]
    assert {name: alert[name] for name in ways} == ways
    assert alert["status"] == "disabled"


def test_alerts_tell_as_their_owner_prefers(mine: List) -> None:
    """When they are made; a later preference is not for those there are."""
    path = "/notifications/preferences"
    chosen = mine.person.get(path)
    del chosen["available"]
    assert mine.person.call("PUT", path, {**chosen, "channels": ["email"]}).is_success
    mine.add("T:AAA", target_price=20.0, alert_enabled=True)
    assert mine.person.call("PUT", path, {**chosen, "channels": []}).is_success
    mine.change("T:AAA", target_price=21.0, stop_loss=2.0)
    channels = {purpose: alert["channels"] for (_, purpose), alert in kept(mine).items()}
    assert channels == {"target": ["email"], "stop": []}


def test_the_quota_of_alerts_is_kept(serve: Any) -> None:
    """An edit that would make too many is refused as a whole; who moves a target makes none."""
    service: Service = serve(alerts_per_user=3)
    list_symbols(service)
    mine = List.of(service.person())
    mine.add("T:AAA", **TOLD)
    mine.add("T:BBB", target_price=5.0, stop_loss=4.0)
    before, alerts = mine.read(), kept(mine)
    text = "symbol,target_price,alert_enabled\nT:CCC,1,true\nT:DDD,1,true\n"
    many = {"items": [{"symbol": "T:AAA", "notes": "n"}, {"symbol": "T:BBB", **TOLD}]}
    for answer in (
        mine.try_add("T:CCC", **TOLD),
        mine.change("T:BBB", alert_enabled=True),
        mine.person.call("PATCH", f"{mine.path}/items", many),
        mine.take(text),
        mine.person.call("POST", f"{mine.path}/duplicate", {"name": "Copy"}),
    ):
        assert (answer.status_code, code(answer)) == (403, "quota_alerts"), answer.text
    assert (mine.read(), kept(mine)) == (before, alerts)
    assert len(mine.person.get("/watchlists")["items"]) == 1
    mine.change("T:BBB", stop_loss=None, alert_enabled=True)
    assert mine.change("T:BBB", target_price=6.0).status_code == 200
    assert mine.change("T:BBB", target_price=None, stop_loss=1.0).status_code == 200
    assert set(kept(mine)) == {("T:AAA", "target"), ("T:AAA", "stop"), ("T:BBB", "stop")}


def test_those_who_make_alerts_at_once_keep_to_the_quota(serve: Any) -> None:
    """On several lists, and beside them."""
    service: Service = serve(alerts_per_user=3)
    list_symbols(service)
    person = service.person()
    lists = [List.of(person, f"List {number}") for number in range(3)]
    alert = {"symbol": "T:AAA", "conditions": [{"type": "price", "is": "above", "level": 1.0}]}

    def make(number: int) -> int:
        if number < len(lists):
            item = {"target_price": 20.0, "alert_enabled": True}
            return lists[number].try_add("T:AAA", **item).status_code
        return person.call("POST", "/alerts", alert).status_code

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(make, range(5))) == [201, 201, 201, 403, 403]
    assert len(person.get("/alerts")["items"]) == 3


def test_lists_that_are_moved_and_edited_at_once_never_block_each_other(mine: List) -> None:
    """Who arranges lists locks their owner first, who edits items the list; alerts lock neither."""
    other = List.of(mine.person, "Other", ["T:AAA"])
    mine.add("T:AAA")

    def call(number: int) -> int:
        one = (mine, other)[number % 2]
        if number % 4 < 2:
            return mine.person.call("PATCH", one.path, {"position": number // 4 % 2}).status_code
        return one.change("T:AAA", alert_enabled=True, target_price=number + 1.0).status_code

    with ThreadPoolExecutor(4) as pool:
        assert {*pool.map(call, range(40))} == {200}


def test_alerts_of_items_are_counted(mine: List) -> None:
    """In the counts of the list."""
    mine.add("T:AAA", **TOLD)
    mine.add("T:BBB")
    assert mine.person.get(f"{mine.path}/stats")["with_alerts"] == 1


def test_strangers_see_no_alerts_of_a_list(service: Service, mine: List) -> None:
    """Nor whether there are any."""
    mine.add("T:AAA", **TOLD)
    assert service.person().get(f"/alerts?watchlist={mine.id}")["items"] == []
    answer = mine.person.call("GET", "/alerts?watchlist=nothing")
    assert answer.status_code == 422


@pytest.mark.parametrize("again", ["merge", "replace"])
def test_a_target_fires_once(service: Service, again: str) -> None:
    """Not again for a file with the same, but again for a target that has moved."""
    symbol = f"T:{again.upper()}"
    admin = list_symbols(service, [symbol])
    mine = List.of(service.person())
    person = mine.person

    def trade(*prices: float) -> None:
        for price in prices:
            tick = {"symbol": symbol, "time": service.clock.now(), "price": price, "size": 1}
            assert admin.call("POST", "/ticks", [tick]).is_success
            service.clock.time += 1

    def told(count: int) -> list[str]:
        for _ in eventually():
            if len(found := person.get("/notifications")["items"]) >= count:
                break
        return [one["title"] for one in found]

    trade(100.0)
    mine.add(symbol, target_price=105.0, alert_enabled=True)
    trade(104.0, 106.0, 104.0, 107.0)
    first = f"{symbol}: price at or above 105"
    assert told(1) == [first]
    [fired] = kept(mine).values()
    assert fired["status"] == "fired"
    assert mine.take(mine.export(), mode=again).is_success
    assert kept(mine) == {(symbol, "target"): fired}
    mine.change(symbol, target_price=110.0)
    [moved] = kept(mine).values()
    assert (moved["id"], moved["status"], moved["fired_count"]) == (fired["id"], "active", 1)
    trade(106.0, 111.0, 112.0)
    assert told(2) == [f"{symbol}: price at or above 110", first]
