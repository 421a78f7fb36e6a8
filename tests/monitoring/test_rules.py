"""Alert rules and dashboards: they are valid, they fire, and there is what they name."""

import re
import runpy
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from tests.documents.examples import ROOT, read
from tests.servers import debian
from tradeapi import metrics

RULES = ROOT / "monitoring" / "rules"
CASES = sorted((RULES / "tests").glob("*.yml"))
BOARDS = sorted((ROOT / "monitoring" / "grafana" / "dashboards").glob("*.json"))
# What Prometheus itself has, and what it adds to all.
ITS_OWN: "Labels" = {"up": set(), "ALERTS": {"alertstate", "severity"}}
ADDED = {"job", "instance"}
KEYWORDS = {"and", "or", "unless", "bool"}

Labels = dict[str, set[str]]


@pytest.fixture(scope="session")
def promtool() -> Path:
    return debian.program("prometheus", "promtool")


def promises(promtool: Path, *arguments: str | Path) -> str:
    """What promtool says; it must have nothing to complain about."""
    answer = subprocess.run(
        [promtool, *arguments], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def rules(file: str) -> Iterator[Mapping[str, Any]]:
    for group in yaml.safe_load((RULES / file).read_text())["groups"]:
        yield from group["rules"]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}


def test_prometheus_takes_its_configuration(promtool: Path) -> None:
    """With the rules that it names."""
    assert "2 rule files found" in promises(promtool, "check", "config", "prometheus.yml")


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_alerts_fire_and_resolve(promtool: Path, cases: Path) -> None:
    """When they should, and with what they say then."""
    promises(promtool, "test", "rules", cases)


def test_every_alert_has_its_case() -> None:
    """One moment at which it fires, and a later one at which it has resolved."""
    fires: dict[str, list[bool]] = {}
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for moment in case["alert_rule_test"]:
                fires.setdefault(moment["alertname"], []).append(bool(moment["exp_alerts"]))
    assert fires == {name: [True, False] for name in ALERTS}


def test_every_alert_says_what_to_do() -> None:
    """How bad it is, what has happened, and where it is written what to do about it."""
    headings = re.findall(r"^### (\w+)$", read("docs/monitoring.md"), re.MULTILINE)
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        said = rule["annotations"]
        assert said.keys() == {"summary", "description", "runbook_url"}
        assert said["runbook_url"] == f"docs/monitoring.md#{name.lower()}"
    assert headings == [*ALERTS]


def test_dashboards_are_as_they_are_generated() -> None:
    """Nobody has edited them by hand."""
    script = runpy.run_path(str(ROOT / "monitoring" / "grafana" / "dashboards.py"))
    assert {path: path.read_text() for path in BOARDS} == dict(script["files"]())


def panels() -> Iterator[str]:
    for path in BOARDS:
        for panel in orjson.loads(path.read_bytes())["panels"]:
            for target in panel["targets"]:
                filled = target["expr"].replace("$__rate_interval", "5m")
                yield filled.replace("$job", ".*")


def test_panels_ask_what_prometheus_understands(promtool: Path, tmp_path: Path) -> None:
    """Written as rules, since promtool reads no dashboards."""
    asked = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(panels())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": asked}]}))
    promises(promtool, "check", "rules", file)


def test_what_is_named_exists(client: httpx2.Client) -> None:
    """Each metric is in what a running service answers, and has the labels that are used."""
    known = {**ITS_OWN, **recorded(), **exposed(client.get("/metrics").text)}
    expressions = [
        *(rule["expr"] for rule in rules("recording.yml")),
        *(rule["expr"] for rule in rules("alerts.yml")),
        *panels(),
    ]
    for expression in expressions:
        named = selectors(expression)
        assert named.keys() <= known.keys(), expression
        for metric, labels in named.items():
            assert labels <= known[metric] | ADDED, (metric, expression)
        all_labels = set.union(ADDED, *(known[metric] for metric in named))
        assert grouped(expression) <= all_labels, expression


def exposed(text: str) -> Labels:
    """The series of each family that a scrape lists, with their labels."""
    labels = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            labels[family.name] = {*metric._labelnames}  # noqa: SLF001  there is no other way
    known: Labels = {}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE):
        own = labels.get(name.removesuffix("_total"), set())
        known[name] = own
        if kind == "histogram":
            known |= {f"{name}_sum": own, f"{name}_count": own, f"{name}_bucket": own | {"le"}}
    return known


def recorded() -> Labels:
    return {rule["record"]: grouped(rule["expr"]) - {"le"} for rule in rules("recording.yml")}


def grouped(expression: str) -> set[str]:
    inside = re.findall(r"\bby \(([^)]*)\)", expression)
    return {label.strip() for labels in inside for label in labels.split(",")}


def selectors(expression: str) -> Labels:
    """Each metric with the labels that are asked for."""
    bare = re.sub(r"\bby \([^)]*\)|\[[^\]]*\]", " ", expression)
    found: Labels = {}
    matcher = r'\{((?:[^}"]|"[^"]*")*)\}'
    for name, labels in re.findall(rf"([a-zA-Z_:][\w:]*)\s*(?:{matcher})?(?!\w|\s*\()", bare):
        if name not in KEYWORDS and not name.endswith(("vector",)):
            found.setdefault(name, set()).update(re.findall(r"(\w+)(?:=~|!~|!=|=)", labels))
    return found
