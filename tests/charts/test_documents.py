"""Charts as documents: made, changed, copied and removed by their owner."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.auth.people import Service, at_once, code, pages
from tests.charts.desks import Desk, candles, dots, panes

DOCUMENT = {
    "title": "My desk",
    "options": {"layout": {"textColor": "#222"}, "width": 1.0},
    "panes": [
        {"options": {"b": 1, "a": 2}, "series": [{"id": "price", "type": "candlestick"}]},
        {
            "series": [
                {
                    "id": "sma",
                    "type": "line",
                    "options": {"color": "red"},
                    "source": {"symbol": "US:AAPL", "resolution": "1d"},
                }
            ]
        },
    ],
    "drawings": [{"points": [[1, 2.50], [3, 4]]}, "any", None],
    "annotations": [{"text": "Grüße \u0000 \n 𝄞", "big": 123456789012345678901234567890}],
}


def test_a_chart_comes_back_as_it_was_made(service: Service) -> None:
    """With its opaque parts untouched, and what was left out filled in."""
    person = service.person()
    made = person.call("POST", "/charts", {"name": "desk", **DOCUMENT})
    assert made.status_code == 201
    chart = made.json()
    for part in ("title", "options", "drawings", "annotations"):
        assert chart[part] == DOCUMENT[part]
    price, sma = (pane["series"][0] for pane in chart["panes"])
    assert price == {
        "id": "price", "type": "candlestick", "options": {}, "source": None,
        "count": 0, "first_time": None, "last_time": None, "version": 0,
    }  # fmt: skip
    assert sma["source"] == {
        "symbol": "US:AAPL", "resolution": "1d", "adjustment": "raw", "field": "close",
    }  # fmt: skip
    assert (sma["options"], sma["count"], sma["version"]) == ({"color": "red"}, None, None)
    assert [list(pane["options"]) for pane in chart["panes"]] == [["b", "a"], []]
    assert (chart["version"], chart["expires_at"], chart["name"]) == (1, None, "desk")
    assert b'"width":1.0' in made.content
    for key in ("desk", chart["id"]):
        answer = person.call("GET", f"/charts/{key}")
        assert (answer.json(), answer.headers["etag"]) == (chart, made.headers["etag"])


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": [value]}
    return value


@pytest.mark.parametrize("value", [nested(125), nested(400), 10**400], ids=["deep", "deeper", "9"])
def test_what_nobody_could_write_again_is_refused(service: Service, value: object) -> None:
    """Where it stands; what is nested as deep as anybody means it to be is kept."""
    person = service.person()
    for part in ("options", "drawings", "annotations"):
        for kept, pointer in ((nested(100), None), (value, f"/{part}")):
            fields = {part: {"a": kept} if part == "options" else [kept]}
            answer = person.call("POST", "/charts", fields)
            assert answer.status_code == (201 if pointer is None else 422), answer.text
            if pointer is None:
                assert answer.json()[part] == fields[part]
            else:
                assert answer.json()["errors"][0]["pointer"] == pointer


def test_more_series_than_any_chart_has_are_refused_unread(service: Service) -> None:
    """Of a hundred thousand that are faulty nobody has to hear."""
    answer = service.person().call("POST", "/charts", {"panes": [{"series": [{}] * 1000}] * 101})
    assert (answer.status_code, code(answer)) == (422, "invalid_field")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/panes"]


def test_names_are_each_owners_own(service: Service) -> None:
    """Of another's charts nobody hears, whatever they are called."""
    ada, bob = service.person(), service.person()
    for person in (ada, bob):
        assert person.call("POST", "/charts", {"name": "desk", "title": person.id}).is_success
        answer = person.call("POST", "/charts", {"name": "desk"})
        assert (answer.status_code, code(answer)) == (409, "name_taken")
    assert ada.get("/charts/desk")["title"] == ada.id
    assert bob.get("/charts/desk")["title"] == bob.id
    assert bob.call("GET", f"/charts/{ada.get('/charts/desk')['id']}").status_code == 404


def test_a_name_may_look_like_an_id(service: Service) -> None:
    """Of which the id counts where both are there."""
    person, name = service.person(), str(uuid4())
    chart = person.call("POST", "/charts", {"name": name}).json()
    assert person.get(f"/charts/{name}") == chart
    assert person.call("POST", "/charts", {"name": chart["id"]}).is_success
    assert person.get(f"/charts/{chart['id']}") == chart


@pytest.mark.parametrize("name", ["", "..", "a..b", "a/b", "a b", "ä", "a" * 129, "a\n", 1, ["a"]])
def test_other_names_are_refused(service: Service, name: object) -> None:
    """They would not fit into an address."""
    answer = service.person().call("POST", "/charts", {"name": name})
    assert (answer.status_code, code(answer)) == (422, "invalid_field")


def test_a_replaced_chart_is_as_a_new_one(service: Service) -> None:
    """But for its id, its name and its points."""
    person = service.person()
    made = person.call("POST", "/charts", {"name": "desk", **DOCUMENT}).json()
    replaced = person.call("PUT", "/charts/desk", {"title": "Other"}).json()
    assert (replaced["id"], replaced["name"]) == (made["id"], "desk")
    assert (replaced["title"], replaced["version"]) == ("Other", 2)
    empty = [replaced[part] for part in ("options", "panes", "drawings", "annotations")]
    assert empty == [{}, [], [], []]


def test_a_change_leaves_the_rest(service: Service) -> None:
    """And a name can be given, changed and taken away."""
    person = service.person()
    chart = person.call("POST", "/charts", DOCUMENT).json()
    path = f"/charts/{chart['id']}"
    for name in ("one", "two", None):
        changed = person.call("PATCH", path, {"name": name}).json()
        assert changed["name"] == name
    changed = person.call("PATCH", path, {"drawings": []}).json()
    same = changed.keys() - {"drawings", "version", "updated_at"}
    assert {part: changed[part] for part in same} == {part: chart[part] for part in same}
    assert (changed["drawings"], changed["version"]) == ([], 5)
    person.call("POST", "/charts", {"name": "taken"})
    answer = person.call("PATCH", path, {"name": "taken"})
    assert (answer.status_code, code(answer)) == (409, "name_taken")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_lost_update_is_refused(desk: Desk, method: str) -> None:
    """By `If-Match`; pushed points are no change of the document."""
    read = desk.person.call("GET", desk.path).headers["etag"]
    desk.change(title="Meanwhile")
    body: object = None if method == "DELETE" else {}
    answer = desk.person.call(method, desk.path, body, headers={"if-match": read})
    assert (answer.status_code, code(answer)) == (412, "stale_version")
    now = desk.person.call("GET", desk.path).headers["etag"]
    assert desk.put(candles(1)).is_success
    assert desk.person.call(method, desk.path, body, headers={"if-match": now}).is_success


def test_series_keep_their_points_wherever_they_are(desk: Desk) -> None:
    """In another pane, as another type that fits; those that are in none lose theirs."""
    for series in ("line", "bar", "area"):
        points = candles(1) if series == "bar" else dots(1)
        assert desk.put(points, series).is_success
    moved = [{}, {"series": [{"id": "bar", "type": "candlestick"}]}, *panes("line")]
    moved[2]["series"][0]["type"] = "histogram"
    chart = desk.change(panes=moved).json()
    assert [len(pane["series"]) for pane in chart["panes"]] == [0, 1, 1]
    assert desk.items(series="bar") == candles(1)
    assert desk.items(series="line") == dots(1)
    answer = desk.person.call("GET", desk.points("area"))
    assert (answer.status_code, code(answer)) == (404, "unknown_series")
    assert desk.change(panes=panes("area")).json()["panes"][0]["series"][0]["count"] == 0


@pytest.mark.parametrize(
    "series",
    [
        {"id": "line", "type": "candlestick"},
        {"id": "line", "type": "line", "source": {"symbol": "US:AAPL", "resolution": "1d"}},
    ],
)
def test_points_that_do_not_fit_are_not_lost(desk: Desk, series: dict[str, object]) -> None:
    """Until they are taken away by whoever wants that."""
    desk.put(dots(1), "line")
    answer = desk.change(panes=[{"series": [series]}])
    assert (answer.status_code, code(answer)) == (409, "points_do_not_fit")
    assert desk.items(series="line") == dots(1)
    desk.put([], "line")
    assert desk.change(panes=[{"series": [series]}]).is_success


def test_a_copy_has_a_life_of_its_own(desk: Desk) -> None:
    """With the points that there were."""
    desk.put(candles(*range(3000)))
    desk.put(dots(2), "line")
    copied = desk.person.call("POST", f"{desk.path}/duplicate", {"name": "copy"})
    assert copied.status_code == 201
    copy = Desk(desk.person, copied.json()["id"])
    original, chart = desk.chart(), copy.chart()
    assert chart["panes"][0]["options"] == original["panes"][0]["options"]
    assert (chart["name"], chart["title"], chart["version"]) == ("copy", "", 1)
    assert copy.items("?count=10000") == desk.items("?count=10000")
    copy.put([])
    desk.person.call("DELETE", desk.path)
    assert (copy.items(), copy.items(series="line")) == ([], dots(2))


def test_a_removed_chart_is_gone(desk: Desk) -> None:
    """And its name is free."""
    desk.change(name="desk")
    desk.put(candles(1))
    assert desk.person.call("DELETE", "/charts/desk").status_code == 204
    for method, path in (("GET", desk.path), ("DELETE", desk.path), ("GET", desk.points())):
        answer = desk.person.call(method, path)
        assert (answer.status_code, code(answer)) == (404, "not_found")
    assert desk.person.call("POST", "/charts", {"name": "desk"}).is_success


def test_charts_are_listed_from_the_newest_on(service: Service) -> None:
    """In pages, which do not repeat or leave out any when others are made meanwhile."""
    person = service.person()
    made = [person.call("POST", "/charts", {"title": str(number)}).json() for number in range(5)]
    listed = []
    for page in pages(person, "/charts?limit=2"):
        person.call("POST", "/charts", {"title": "later"})
        listed += page
    assert [chart["id"] for chart in listed] == [chart["id"] for chart in reversed(made)]
    assert "panes" not in listed[0]
    answer = person.call("GET", "/charts?cursor=x")
    assert (answer.status_code, code(answer)) == (422, "bad_cursor")


def test_a_post_that_is_sent_again_makes_one_chart(desk: Desk) -> None:
    """With an `Idempotency-Key`; of copies and shares, too."""
    key = {"idempotency-key": "k1"}
    for path in ("/charts", f"{desk.path}/duplicate", f"{desk.path}/shares"):
        first, again = (desk.person.call("POST", path, {}, headers=key) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert again.headers["idempotency-replayed"] == "true"
    assert len(desk.person.get("/charts")["items"]) == 3


def test_quotas_hold(serve: Callable[..., Service]) -> None:
    """Also for those who make many at once, and for copies."""
    service = serve(charts_per_user=2, series_per_chart=2, points_per_series=3)
    person = service.person()
    answers = at_once(4, lambda: person.call("POST", "/charts", {"panes": panes("line", "area")}))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 403, 403]
    desk = Desk(person, person.get("/charts")["items"][0]["id"])
    for refused in (
        person.call("POST", f"{desk.path}/duplicate", {}),
        person.call("POST", "/charts", {}),
    ):
        assert (refused.status_code, code(refused)) == (403, "quota_charts")
    answer = desk.change(panes=panes("line", "area", "bar"))
    assert (answer.status_code, code(answer)) == (403, "quota_series")
    assert desk.put(dots(3), "line").is_success
    for answer in (
        desk.put(dots(4), "line"),
        desk.post(dots(1, first=3), "line"),
        desk.post(dots(1, first=-1), "line", amend=True),
    ):
        assert (answer.status_code, code(answer)) == (403, "quota_points")
    assert desk.post(dots(1, first=2), "line").is_success
    assert desk.items(series="line") == dots(3)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"options": []}, "/options"),
        ({"options": {"x": "x" * 17_000}}, "/options"),
        ({"drawings": {}}, "/drawings"),
        ({"drawings": ["x" * 263_000]}, "/drawings"),
        ({"annotations": ["x" * 66_000]}, "/annotations"),
        ({"panes": [{}] * 102}, "/panes"),
        ({"panes": panes("line") + panes("line")}, ""),
        ({"panes": panes("pie")}, "/panes/0/series/0/type"),
        ({"panes": [{"height": 3}]}, "/panes/0/height"),
        ({"title": "a\u0000b"}, "/title"),
        ({"title": None}, "/title"),
        ({"owner_id": "me"}, "/owner_id"),
        ({"version": 9}, "/version"),
        (
            {"panes": [{"series": [{"id": "a", "type": "line", "source": {"symbol": "US:A"}}]}]},
            "/panes/0/series/0/source/resolution",
        ),
    ],
)
def test_a_document_that_is_none_is_refused(
    desk: Desk, document: dict[str, object], pointer: str
) -> None:
    """With the field at fault, whichever way it comes."""
    before = desk.chart()
    for answer in (
        desk.person.call("POST", "/charts", document),
        desk.person.call("PUT", desk.path, document),
        desk.change(**document),
    ):
        assert (answer.status_code, code(answer)) == (422, "invalid_field")
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert desk.chart() == before
