"""docker-compose.yml as compose reads it."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
OURS = ("api", "worker", "feed", "migrate")
# What the operator writes into .env.
SECRETS = {
    "SECRET_KEY": "a secret of thirty-two bytes or more",
    "POSTGRES_PASSWORD": "0123456789abcdef",
    "REDIS_PASSWORD": "fedcba9876543210",
    "GRAFANA_PASSWORD": "0f1e2d3c4b5a6978",
}

_variable = re.compile(r"(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}")


def read(environment: Mapping[str, str] = SECRETS) -> Any:
    """With `${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in."""
    return _filled(yaml.safe_load(FILE.read_text()), environment)


@cache
def services() -> dict[str, Any]:
    found: dict[str, Any] = read()["services"]
    return found


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, environment) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, environment) for one in value]
    if isinstance(value, str):
        return _variable.sub(lambda found: _value(found, environment), value).replace("$$", "$")
    return value


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    name, kind, word = found.groups()
    if environment.get(name):
        return environment[name]
    if kind != "-":
        raise KeyError(name, word)
    return str(word)
