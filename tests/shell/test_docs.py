"""The documentation pages, the OpenAPI document and that of the stream."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import orjson
import pytest
from jsonschema_rs import Draft7Validator

from tests.documents.examples import ROOT
from tradeapi.app import create_app
from tradeapi.settings import Settings

METHODS = {"get", "put", "post", "delete", "patch"}


DOCUMENT = create_app(Settings()).openapi()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation of the application itself."""
    for path, item in DOCUMENT["paths"].items():
        for method in sorted(item.keys() & METHODS):
            yield f"{method.upper()} {path}", item[method]


OPERATIONS = dict(operations())
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


def test_the_page_needs_no_other_server(client: httpx2.Client) -> None:
    """All it refers to is here, and its policy allows nothing else."""
    page = client.get("/docs")
    assert "'self'" in page.headers["content-security-policy"]
    assert "http" not in page.text
    references = re.findall(r'(?:src|href)="([^":]+)"', page.text)
    assert len(references) == 3
    for reference in references:
        asset = client.get(f"/{reference}")
        assert asset.status_code == 200
        assert re.match("text/(css|javascript)", asset.headers["content-type"])
    assert 'url: "openapi.json"' in client.get("/docs/start.js").text


def test_the_document_is_served(client: httpx2.Client) -> None:
    """With our own form of errors and without FastAPI's."""
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert "Problem" in schemas
    assert "HTTPValidationError" not in schemas
    post = document["paths"]["/probe/bars"]["post"]["responses"]
    assert {"413", "422", "500", "503"} <= post.keys()
    assert [*post["422"]["content"]] == ["application/problem+json"]


def test_the_document_of_the_stream_is_served(client: httpx2.Client) -> None:
    """In the form that AsyncAPI prescribes, and like that of HTTP."""
    answer = client.get("/asyncapi.json")
    schema = orjson.loads((ROOT / "tests/documents/asyncapi/3.0.0.json").read_bytes())
    Draft7Validator(schema).validate(answer.json())
    own = {"content-length", "date", "ratelimit", "x-request-id"}
    others = client.get("/openapi.json").headers
    assert [(*one,) for one in answer.headers.items() if one[0] not in own] == [
        (*one,) for one in others.items() if one[0] not in own
    ]


def test_the_document_of_the_stream_names_this_server(
    serve_app: Callable[..., httpx2.Client],
) -> None:
    """As it is called from outside, with what is set."""
    client = serve_app(trusted_proxies="127.0.0.1", api_key_header="X-Key", websocket_topics=7)
    document = client.get("/asyncapi.json").json()
    server = document["servers"]["this"]
    assert (server["host"], server["protocol"]) == (client.base_url.netloc.decode(), "ws")
    assert document["components"]["securitySchemes"]["key"]["name"] == "X-Key"
    assert document["components"]["schemas"]["Topics"]["maxItems"] == 7
    assert "7 topics" in document["info"]["description"]
    headers = {"host": "api.example.com", "x-forwarded-proto": "https"}
    server = client.get("/asyncapi.json", headers=headers).json()["servers"]["this"]
    assert (server["host"], server["protocol"]) == ("api.example.com", "wss")


def test_the_document_of_the_stream_is_the_same_for_all(
    serve_app: Callable[..., httpx2.Client],
) -> None:
    """Who has an account, who has none, and whose credentials are no good."""
    client = serve_app(auth_required=True, argon2_memory_kib=64, argon2_time_cost=1)
    person = {"email": "ada@example.com", "password": "correct horse battery"}
    form = {"username": person["email"], "password": person["password"]}
    assert client.post("/api/v1/auth/register", json=person).is_success
    token = client.post("/api/v1/auth/token", data=form).json()["access_token"]
    answers = [
        client.get("/asyncapi.json", headers=headers)
        for headers in ({}, {"authorization": "Bearer x"}, {"authorization": f"Bearer {token}"})
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.text for answer in answers}) == 1


@each_operation
def test_each_operation_is_described(operation: dict[str, Any]) -> None:
    """By a summary that somebody wrote, and a tag."""
    _, _, name = operation["operationId"].partition("_")
    assert operation["summary"] != name.replace("_", " ").title()
    assert operation["tags"]


@each_operation
def test_each_answer_has_a_schema(operation: dict[str, Any]) -> None:
    """Which is also what makes FastAPI write NaN as null."""
    for status, answer in operation["responses"].items():
        for content in answer.get("content", {}).values():
            assert content["schema"], status


@each_operation
def test_each_operation_has_examples(operation: dict[str, Any]) -> None:
    """What it takes and what it gives can be seen without trying it."""
    bodies = [operation.get("requestBody", {}), operation["responses"].get("200", {})]
    for body in bodies:
        for kind, content in body.get("content", {}).items():
            if kind == "application/json":
                assert _has_example(content)


def _has_example(part: object, depth: int = 0) -> bool:
    """Somewhere in it or in the schemas it refers to."""
    if depth > 12:
        return False
    if isinstance(part, list):
        return any(_has_example(item, depth + 1) for item in part)
    if not isinstance(part, dict):
        return False
    if part.keys() & {"example", "examples"}:
        return True
    name = str(part.get("$ref", "")).rpartition("/")[2]
    schema = DOCUMENT["components"]["schemas"].get(name)
    return any(_has_example(item, depth + 1) for item in [*part.values(), schema])


def test_operations_have_names_of_their_own() -> None:
    """Generated clients make methods of them."""
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(names) == len(set(names))


def test_tags_are_explained() -> None:
    """Each tag that is used has a description."""
    explained = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert {tag for operation in OPERATIONS.values() for tag in operation["tags"]} <= explained
