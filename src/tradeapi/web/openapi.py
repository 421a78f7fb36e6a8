"""The application's OpenAPI document, with the problems that every route may answer with."""

from typing import Any

from fastapi import FastAPI

from tradeapi.web.problems import Problem, problems

Document = dict[str, Any]

DOCUMENTED = ("get", "put", "post", "delete", "patch")
# Any route may break, or wait in vain for the database.
ALWAYS = (500, 503)
WITH_BODY = (413, 422)


class Api(FastAPI):
    def openapi(self) -> Document:
        document = super().openapi()
        # FastAPI makes a new document when routes were added, and else keeps the last.
        if "Problem" not in document.get("components", {}).get("schemas", {}):
            _finish(document)
        return document


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
    for status, answer in problems(*sorted(statuses)).items():
        if "application/problem+json" not in answers.get(str(status), {}).get("content", {}):
            answers[str(status)] = answer
