"""The application's OpenAPI document, with what every route may answer and what it asks for."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ConnectionScope

from tradeapi.web.principal import Need, Scope, need_of
from tradeapi.web.problems import Problem, problems

Document = dict[str, Any]

DOCUMENTED = ("get", "put", "post", "delete", "patch")
# Any route may break, wait in vain for the database, or be asked too often.
ALWAYS = (429, 500, 503)
WITH_BODY = (413, 422)
# Also where nobody has to say who they are: what they do say must be right.
PROTECTED = (401, 403)
TOKEN_URL = "/api/v1/auth/token"  # noqa: S105  no secret

SCOPES = {
    Scope.READ.value: "read, what is yours and the market's",
    Scope.WRITE.value: "change what is yours",
    Scope.INGEST.value: "send and remove bars, send ticks",
    Scope.ADMIN.value: "change symbols and exchanges, manage users",
}


class Api(FastAPI):
    key_header = "X-API-Key"
    is_traced = False

    async def __call__(self, scope: ConnectionScope, receive: Receive, send: Send) -> None:
        # FastAPI's looks for telemetry in the environment, at each request.
        call = FastAPI.__call__ if self.is_traced else Starlette.__call__
        await call(self, scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Our layers outside of FastAPI's own, which an answer that is kept then does not pass."""
        layers, self.user_middleware = self.user_middleware, []
        app = super().build_middleware_stack()
        self.user_middleware = layers
        for layer in reversed(layers):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        return app

    def openapi(self) -> Document:
        document = super().openapi()
        # FastAPI makes a new document when routes were added, and else keeps the last.
        if "Problem" not in document.get("components", {}).get("schemas", {}):
            _finish(document)
            _protect(document, self)
        return document


def _protect(document: Document, app: Api) -> None:
    document["components"]["securitySchemes"] = {
        "login": {
            "type": "oauth2",
            "description": "An e-mail address and a password.",
            "flows": {"password": {"tokenUrl": TOKEN_URL, "scopes": SCOPES}},
        },
        "api_key": {"type": "apiKey", "in": "header", "name": app.key_header},
    }
    for operation, need in _protected(document, app):
        operation["security"] = [{"login": [*need.scopes]}]
        if not need.is_for_logins:
            # OpenAPI has no scopes for API keys; they have them all the same.
            operation["security"].append({"api_key": []})
        for status, answer in _refusals(operation, *PROTECTED).items():
            operation["responses"].setdefault(str(status), answer)


def _protected(document: Document, app: Api) -> Iterator[tuple[Document, Need]]:
    for context in iter_route_contexts(app.routes):
        need = need_of(context)
        if need is not None and need.scopes:
            for method in context.methods or ():
                operation = document["paths"].get(context.path, {}).get(method.lower())
                if operation is not None:
                    yield operation, need


def _finish(document: Document) -> None:
    """Replace FastAPI's own form of a 422, which we never send, and add what it can't know."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"), Problem=problem)
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for path in document["paths"].values():
        for method in DOCUMENTED:
            if method in path:
                _finish_operation(path[method])


def _finish_operation(operation: Document) -> None:
    answers = operation["responses"]
    statuses = {*ALWAYS}
    if "requestBody" in operation:
        statuses.update(WITH_BODY)
    if "422" in answers:
        statuses.add(422)
    for status, answer in _refusals(operation, *sorted(statuses)).items():
        if not answers.get(str(status), {}).get("content", {}).keys() & answer["content"].keys():
            answers[str(status)] = answer


def _refusals(operation: Document, *statuses: int) -> Document:
    """As problems, unless a `default` answer says that its clients are told in another way."""
    refusals = problems(*statuses)
    own = operation["responses"].get("default")
    return {
        str(status): {**refusal, "content": own["content"]} if own else refusal
        for status, refusal in refusals.items()
    }
