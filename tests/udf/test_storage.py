"""What charts save comes back, to the byte, and to its owner only."""

import json
from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.auth.people import Person, Service, at_once, everything_stored
from tests.udf.storing import FIELDS, Storage
from tradeapi.errors import Invalid
from tradeapi.udf import forms
from tradeapi.udf.drawings import MOST_DRAWINGS
from tradeapi.udf.forms import MOST_CONTENT_BYTES

BOUNDARY = "----WebKitFormBoundaryAaB03x"


def storage(service: Service, person: Person, **options: str) -> Storage:
    return Storage(service.client, headers=person.headers, **options)


@pytest.fixture
def mine(service: Service) -> Storage:
    """Somebody's, who has nothing yet."""
    return storage(service, service.person())


def test_a_chart_is_saved_listed_loaded_and_removed(service: Service, mine: Storage) -> None:
    """In the words of the protocol, and with times in seconds."""
    assert mine.charts() == []
    id = mine.save("Test", '{"a": 1}')
    (chart,) = mine.charts()
    now = int(service.clock.now())
    assert chart == {"id": id, "name": "Test", "timestamp": now, **FIELDS}
    loaded = mine.done("GET", "charts", chart=id)["data"]
    assert loaded == {**chart, "content": '{"a": 1}'}
    service.clock.time += 60
    form = {"name": "Other", "content": "2", "symbol": "US:MSFT", "resolution": "60"}
    assert mine.done("POST", "charts", form, chart=id) == {"status": "ok"}
    assert mine.charts() == [
        {"id": id, "name": "Other", "symbol": "US:MSFT", "resolution": "60", "timestamp": now + 60}
    ]
    assert mine.content(id) == "2"
    assert mine.done("DELETE", "charts", chart=id) == {"status": "ok"}
    assert mine.charts() == []
    for method in ("GET", "DELETE"):
        assert mine.fault(method, "charts", chart=id) == "Chart not found"
    assert mine.fault("POST", "charts", form, chart=id) == "Chart not found"


def test_the_newest_chart_comes_first(service: Service, mine: Storage) -> None:
    """Also if it is an old one that was saved again."""
    ids = [mine.save(name) for name in "abc"]
    service.clock.time += 1
    mine.done("POST", "charts", {"name": "b", "content": "", **FIELDS}, chart=ids[1])
    assert [one["name"] for one in mine.charts()] == ["b", "c", "a"]


def multipart(form: dict[str, str]) -> bytes:
    parts = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.items()
    )
    return f"{parts}--{BOUNDARY}--\r\n".encode()


CODINGS: dict[str, Callable[[dict[str, str]], bytes]] = {
    f"multipart/form-data; boundary={BOUNDARY}": multipart,
    "application/json": lambda form: json.dumps(form).encode(),
    "application/json; charset=utf-8": lambda form: json.dumps(form, ensure_ascii=False).encode(),
}


def save_as(mine: Storage, type: str, content: str) -> str:
    form = {"name": "x", "content": content, **FIELDS}
    headers = {**(mine.headers or {}), "content-type": type}
    typed = Storage(mine.http, mine.base, mine.client, mine.user, headers)
    return str(typed.done("POST", "charts", CODINGS[type](form))["id"])


@given(content=st.text(st.characters(exclude_categories=["Cs"])))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_content_comes_back_as_it_was(service: Service, content: str) -> None:
    """Whatever it is, and in whatever form it was sent."""
    mine = storage(service, service.person())
    assert mine.content(mine.save(content=content)) == content
    for type in CODINGS:
        # Between parts there are lines, and JSON may write any character with escapes.
        if "multipart" not in type or BOUNDARY not in content:
            assert mine.content(save_as(mine, type, content)) == content


@pytest.mark.parametrize("type", ["application/x-www-form-urlencoded", *CODINGS])
def test_content_may_be_large(mine: Storage, type: str) -> None:
    """4 MB of it, all of which a form has to escape; not a byte more."""
    content = (
        ('{é"%&=+;\\}' * MOST_CONTENT_BYTES)
        .encode()[: MOST_CONTENT_BYTES - 2]
        .decode(errors="ignore")
    )
    content += "x" * (MOST_CONTENT_BYTES - len(content.encode()))
    id = save_as(mine, type, content) if type in CODINGS else mine.save(content=content)
    assert mine.content(id) == content
    form = {"name": "x", "content": content + "x", **FIELDS}
    assert "larger than" in mine.fault("POST", "charts", form, chart=id)
    assert mine.content(id) == content


WRONG: list[tuple[str, bytes]] = [
    ("application/json", b""),
    ("application/json", b"[]"),
    ("application/json", b"{"),
    ("application/json", b'{"name": "x", "content": {}}'),
    ("application/json", b'{"name": "x", "content": null}'),
    ("application/json", b'{"name": "x", "content": "\\ud800"}'),
    ("application/json", b"[" * 100_000),
    ("application/json", b'{"name": "x"}'),
    ("application/json", b'{"content": "x"}'),
    ("application/json", b'{"name": "", "content": "x"}'),
    ("application/json", b'{"name": "a\\u0000b", "content": "x"}'),
    ("application/json", b'{"name": "' + b"x" * 201 + b'", "content": "x"}'),
    ("application/json", b'{"name": "x", "content": "x", "resolution": "' + b"1" * 21 + b'"}'),
    ("application/x-www-form-urlencoded", b""),
    ("application/x-www-form-urlencoded", b"name=x&content=%ff"),
    ("application/x-www-form-urlencoded", b"name=\xff&content=x"),
    ("application/x-www-form-urlencoded", b"a=1&" * 30),
    ("text/plain", b"name=&content="),
    ("multipart/form-data", b"name=x&content=x"),
    ("multipart/form-data; boundary=a", b"no parts"),
    (f"multipart/form-data; boundary={BOUNDARY}", multipart({"name": "x"})),
    (f"multipart/form-data; boundary={BOUNDARY}", multipart({"name": "x", "content": "y"})[:-20]),
    (f"multipart/form-data; boundary={BOUNDARY}", multipart({"name": "x"}) * 30),
    ("multipart/form-data; boundary=\xff", b"\xff" * 100),
    (f"multipart/form-data; boundary={BOUNDARY}", multipart({'x"; filename="y': "x"}) * 30),
    ("application/json", b'{"name": "x", "content": [' + b"[]," * 50_000 + b"1]}"),
]


@given(body=st.text(st.sampled_from("%+&=aC3A9\xe9")).map(str.encode))
@settings(max_examples=500)
def test_a_form_is_read_as_all_read_it(body: bytes) -> None:
    """Also where its escapes are none; where they make no text it is refused."""
    try:
        wanted = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        with pytest.raises(Invalid):
            forms._urlencoded(body)  # noqa: SLF001
    else:
        assert forms._urlencoded(body) == wanted  # noqa: SLF001  no route shows it as it is


@pytest.mark.parametrize(("type", "body"), WRONG)
def test_a_wrong_form_is_refused(mine: Storage, type: str, body: bytes) -> None:
    """Before anything is kept."""
    headers = {**(mine.headers or {}), "content-type": type.encode("latin-1")}
    typed = Storage(mine.http, headers=headers)  # type: ignore[arg-type]
    assert typed.fault("POST", "charts", body) == "Wrong request"
    assert mine.charts() == []


def test_nobody_is_nobodys_client(mine: Storage) -> None:
    """A client and a user have to be named, and the names may not be too long."""
    for query, message in (
        ({"client": ""}, "Wrong client id"),
        ({"user": ""}, "Wrong user id"),
        ({"client": "x" * 101}, "Wrong client id"),
        ({"user": "a\0b"}, "Wrong user id"),
    ):
        for what in ("charts", "study_templates", "chart_templates", "drawing_templates"):
            assert mine.fault("GET", what, **query) == message
    for id in ("", "9163", str(uuid4()), "' OR 1=1 --", "\0"):
        assert mine.fault("DELETE", "charts", chart=id) == "Chart not found"


@pytest.mark.parametrize("kind", ["study", "chart"])
def test_templates_have_names(mine: Storage, kind: str) -> None:
    """Saving one again replaces it; another kind of the same name is another."""
    what = f"{kind}_templates"
    for name, content in (("b", "1"), ("a", "{}"), ("b", "2"), ("ä/&?", "3")):
        assert mine.done("POST", what, {"name": name, "content": content}) == {"status": "ok"}
    names = ["a", "b", "ä/&?"]
    listed = [{"name": name} for name in names] if kind == "study" else names
    assert mine.templates(kind) == listed
    assert mine.done("GET", what, template="b")["data"] == {"name": "b", "content": "2"}
    assert mine.done("GET", what, template="ä/&?")["data"]["content"] == "3"
    other = {"study": "chart", "chart": "study"}[kind]
    assert mine.templates(other) == []
    assert mine.done("DELETE", what, template="b") == {"status": "ok"}
    for method in ("GET", "DELETE"):
        for name in ("b", "a\0"):
            assert mine.fault(method, what, template=name) == "Template not found"
    assert mine.fault("POST", what, {"name": "", "content": ""}) == "Wrong request"
    assert mine.fault("POST", what, {"name": "x"}) == "Wrong request"


def test_drawing_templates_belong_to_a_tool(mine: Storage) -> None:
    """Named in the address, or as some clients do it in the form."""
    what, line, fan = "drawing_templates", "LineToolTrendLine", "LineToolGannFan"
    mine.done("POST", what, {"content": "1"}, tool=line, name="thick")
    mine.done("POST", what, {"content": "2", "name": "thick", "tool": fan})
    mine.done("POST", what, {"content": "3"}, tool=line, name="thin")
    assert mine.templates("drawing", tool=line) == ["thick", "thin"]
    assert mine.templates("drawing", tool=fan) == ["thick"]
    found = mine.done("GET", what, tool=fan, name="thick")["data"]
    assert found == {"name": "thick", "content": "2"}
    mine.done("DELETE", what, tool=line, name="thick")
    assert mine.templates("drawing", tool=line) == ["thin"]
    assert mine.fault("GET", what, tool=line, name="thick") == "Template not found"
    assert mine.fault("GET", what) == "Wrong request"


def test_what_one_saves_is_ones_own(service: Service) -> None:
    """Whatever the page says of its user: a stranger who says the same sees nothing."""
    owner, stranger = (storage(service, service.person()) for _ in "ab")
    id = owner.save("Mine", "secret")
    owner.done("POST", "study_templates", {"name": "x", "content": "secret"})
    assert stranger.charts() == stranger.templates() == []
    form = {"name": "Taken", "content": "over", **FIELDS}
    assert stranger.fault("GET", "charts", chart=id) == "Chart not found"
    assert stranger.fault("POST", "charts", form, chart=id) == "Chart not found"
    assert stranger.fault("DELETE", "charts", chart=id) == "Chart not found"
    assert stranger.fault("DELETE", "study_templates", template="x") == "Template not found"
    assert stranger.fault("GET", "drawings", layout=id, chart="1") == "Chart not found"
    assert owner.content(id) == "secret"


def test_client_and_user_keep_apart_what_one_has(service: Service) -> None:
    """Two pages, or two profiles on one of them."""
    person = service.person()
    one = storage(service, person)
    other, page = storage(service, person, user="other"), storage(service, person, client="other")
    id = one.save()
    one.done("POST", "chart_templates", {"name": "x", "content": "1"})
    for elsewhere in (other, page):
        assert elsewhere.charts() == elsewhere.templates("chart") == []
        assert elsewhere.fault("GET", "charts", chart=id) == "Chart not found"
    assert [chart["id"] for chart in one.charts()] == [id]


def test_a_token_in_the_address_says_whose_it_is(service: Service) -> None:
    """The same things as with a login; one for the market opens nothing here."""
    person = service.person()
    token = person.path_token("udf-storage")["token"]
    by_token = Storage(service.client, f"/udf-storage/{token}")
    id = by_token.save("By token", "1")
    assert [chart["id"] for chart in storage(service, person).charts()] == [id]
    assert by_token.content(id) == "1"
    market = person.path_token("udf")["token"]
    answer = Storage(service.client, f"/udf-storage/{market}").call("GET", "charts")
    assert answer.status_code == 401
    assert answer.json()["status"] == "error"


@pytest.mark.parametrize("what", ["layouts", "templates"])
def test_there_is_so_much_and_no_more(serve: Callable[..., Service], what: str) -> None:
    """Of one owner, wherever it is, also of what is saved at the same time; and one can go on
    saving what there is."""
    service = serve(layouts_per_user=3)
    person = service.person()
    mine, elsewhere = storage(service, person), storage(service, person, user="other")
    names = iter(range(100))

    def save(where: Storage) -> int:
        form = {"name": str(next(names)), "content": "", **FIELDS}
        path = "charts" if what == "layouts" else "study_templates"
        return where.call("POST", path, form).status_code

    statuses = at_once(6, partial(save, mine))
    assert sorted(statuses) == [200] * 3 + [403] * 3
    assert save(elsewhere) == 403
    answer = mine.call("POST", "charts", {"name": "x", "content": "", **FIELDS})
    if what == "layouts":
        assert answer.json() == {"status": "error", "message": "You have 3 layouts; remove one."}
        id = mine.charts()[0]["id"]
        mine.done("POST", "charts", {"name": "again", "content": "", **FIELDS}, chart=id)
        mine.done("DELETE", "charts", chart=id)
    else:
        name = mine.templates()[0]["name"]
        mine.done("POST", "study_templates", {"name": name, "content": "again"})
        mine.done("DELETE", "study_templates", template=name)
    assert save(elsewhere) == 200


def test_who_saves_at_the_same_time_saves_one(mine: Storage) -> None:
    """A template that is saved from two tabs is there once."""
    form = {"name": "x", "content": "1"}
    answers = at_once(6, partial(mine.call, "POST", "study_templates", form))
    assert {answer.status_code for answer in answers} == {200}
    assert mine.templates() == [{"name": "x"}]


def test_what_is_written_for_a_script_is_only_text(mine: Storage) -> None:
    """It is told as JSON, which no browser guesses to be a page, and kept by no cache."""
    id = mine.save("<script>alert(1)</script>", "<script>alert(1)</script>")
    for query in ({}, {"chart": id}):
        answer = mine.call("GET", "charts", **query)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_who_leaves_takes_everything_along(service: Service) -> None:
    """Layouts, templates and drawings."""
    person = service.person()
    mine = storage(service, person)
    layout = mine.save("left-by-somebody")
    mine.done("POST", "study_templates", {"name": "left-by-somebody", "content": "1"})
    change(mine, layout, {"sources": {"left-by-somebody": {}}})
    assert everything_stored(service.url).count("left-by-somebody") == 3
    body = {"password": person.password}
    assert person.call("DELETE", "/auth/me", body).status_code == 204
    assert "left-by-somebody" not in everything_stored(service.url)


def change(mine: Storage, layout: str, changes: object, chart: str = "_shared") -> None:
    body = changes if isinstance(changes, bytes) else json.dumps(changes).encode()
    mine.done("POST", "drawings", body, layout=layout, chart=chart)


def test_drawings_of_a_layout(mine: Storage) -> None:
    """Those that are named are replaced or removed; all others stay."""
    layout = mine.save()

    def drawn(chart: str = "_shared") -> object:
        return mine.done("GET", "drawings", layout=layout, chart=chart)["data"]

    assert drawn() == {"sources": {}, "groups": {}}
    line = {"id": "a", "state": {"points": [1.5, 1e-7, 2**53], "text": "é\0 🐎"}, "null": None}
    change(mine, layout, {"sources": {"a": line, "b": {}}, "groups": {"g": {"of": ["a"]}}})
    change(mine, layout, {"sources": {"b": None, "c": [], "nobody": None}, "groups": None})
    assert drawn() == {"sources": {"a": line, "c": []}, "groups": {"g": {"of": ["a"]}}}
    change(mine, layout, {"sources": {"a": 1}}, chart="2")
    assert drawn("2") == {"sources": {"a": 1}, "groups": {}}
    change(mine, layout, {})
    change(mine, layout, {"groups": {"g": None}})
    assert drawn() == {"sources": {"a": line, "c": []}, "groups": {}}
    mine.done("DELETE", "charts", chart=layout)
    assert mine.fault("GET", "drawings", layout=layout, chart="_shared") == "Chart not found"


def test_drawings_have_their_limits(mine: Storage) -> None:
    """A change that goes over one of them changes nothing."""
    layout = mine.save()
    change(mine, layout, {"sources": {"a": 1}})
    large = {"sources": {"b": "x" * (MOST_CONTENT_BYTES - 200)}}
    change(mine, layout, large)
    too_large = json.dumps({"sources": {"c": "x" * 300}, "groups": {"a": None}}).encode()
    where = {"layout": layout, "chart": "_shared"}
    assert "larger than" in mine.fault("POST", "drawings", too_large, **where)
    change(mine, layout, {"sources": {"b": None}})
    many = {"sources": {str(number): 1 for number in range(MOST_DRAWINGS)}}
    answer = mine.call("POST", "drawings", json.dumps(many).encode(), **where)
    assert answer.status_code == 403
    assert str(MOST_DRAWINGS) in answer.json()["message"]
    assert mine.done("GET", "drawings", **where)["data"]["sources"] == {"a": 1}
    nested = json.dumps({"sources": {"a": [[]] * 200_000}}).encode()
    assert "more than" in mine.fault("POST", "drawings", nested, **where)
    deep = b'{"sources": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}"
    bad = (b"", b"[]", b'{"sources": []}', b'{"groups": "x"}', b'{"sources": {"": 1}}', deep)
    for body in bad:
        assert mine.fault("POST", "drawings", body, **where) == "Wrong request"
    assert mine.fault("GET", "drawings", layout=layout, chart="") == "Wrong request"


def test_changes_at_the_same_time_come_one_after_the_other(mine: Storage) -> None:
    """None of them is lost, and none fails."""
    layout = mine.save()
    numbers = iter(range(100))

    def draw() -> int:
        body = json.dumps({"sources": {"shared": 1, str(next(numbers)): 1}}).encode()
        where = {"layout": layout, "chart": "_shared"}
        return mine.call("POST", "drawings", body, **where).status_code

    assert at_once(8, draw) == [200] * 8
    found = mine.done("GET", "drawings", layout=layout, chart="_shared")["data"]["sources"]
    assert len(found) == 9


def test_the_export_of_a_user_lists_what_he_has_saved(service: Service) -> None:
    """Charts of both kinds, and nobody else's."""
    person = service.person()
    mine, others = storage(service, person), storage(service, service.person())
    others.save("Other", "{}")
    layout = mine.save("Test", "{}")
    chart = person.call("POST", "/charts", {"name": "mine", "title": "Mine"}).json()
    exported = person.get("/auth/me/export")
    named = {key: chart[key] for key in ("id", "name", "title", "created_at", "updated_at")}
    assert exported["charts"] == [named]
    [found] = exported["layouts"]
    assert (found["id"], found["name"]) == (layout, "Test")
