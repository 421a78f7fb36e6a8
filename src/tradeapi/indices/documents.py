"""Indices and their builds as they are told."""

from collections.abc import Mapping
from typing import Any

from tradeapi.indices.models import IndexBuild, IndexDefinition
from tradeapi.indices.rules import hash_of
from tradeapi.indices.schemas import Rules
from tradeapi.indices.service import symbol_of
from tradeapi.market.calendars.days import date_at


def document(index: IndexDefinition) -> Mapping[str, Any]:
    rules = Rules.model_validate(index.definition)
    return {
        "code": index.code,
        "symbol": symbol_of(index.code),
        "definition": rules,
        "calendar": index.calendar,
        "version": index.version,
        "created_at": index.created_at,
        "updated_at": index.updated_at,
        "revision": index.revision,
        "start": iso(index.first_day),
        "end": iso(index.last_day),
        "methodology": index.methodology,
        "is_current": index.methodology == hash_of(rules, index.calendar),
        "static_shares": index.is_static,
        "cut_off": index.cut_off,
        "built_at": index.built_at,
    }


def build_document(build: IndexBuild) -> Mapping[str, Any]:
    return {
        "id": build.id,
        "status": build.status,
        "start": iso(build.start_day),
        "end": iso(build.end_day),
        "sessions": build.sessions,
        "methodology": build.methodology,
        "static_shares": build.is_static,
        "cut_off": build.cut_off,
        "revision": build.revision,
        "findings": build.findings,
        "created_at": build.created_at,
        "finished_at": build.finished_at,
    }


def iso(day: int | None) -> str | None:
    """As clients have days."""
    return None if day is None else date_at(day).isoformat()
