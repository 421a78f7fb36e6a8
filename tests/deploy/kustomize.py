"""What is below k8s/: as it is written, and as kustomize makes it."""

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.servers.tools import kubectl

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "k8s"
OVERLAYS = ("dev", "prod", "prod-gateway", "prod-ingress")
PRODUCTION = OVERLAYS[1:]
NOT_RESOURCES = {"kustomization.yaml", "annotations.yaml", "checkov.yaml"}

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """One that some resource makes."""

    owner: Resource
    labels: dict[str, str]
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.owner["metadata"]["name"])

    @property
    def container(self) -> dict[str, Any]:
        (container,) = self.spec["containers"]
        found: dict[str, Any] = container
        return found

    @property
    def is_ours(self) -> bool:
        return self.name.startswith("tradeapi")


@cache
def rendered(overlay: str) -> str:
    """What `kubectl apply` would get."""
    return subprocess.run(
        [kubectl(), "kustomize", FOLDER / "overlays" / overlay],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout


@cache
def resources(overlay: str) -> Sequence[Resource]:
    return [*yaml.safe_load_all(rendered(overlay))]


def raw() -> Sequence[Resource]:
    """Every resource in a file."""
    return [
        resource
        for path in sorted(FOLDER.rglob("*.yaml"))
        if path.name not in NOT_RESOURCES
        for resource in yaml.safe_load_all(path.read_text())
    ]


def pods(resources: Iterable[Resource]) -> Iterator[Pod]:
    for resource in resources:
        template = template_of(resource)
        if template is not None:
            pod = Pod(resource, template["metadata"]["labels"], template["spec"])
            if pod.is_ours:
                yield pod


def named(resources: Iterable[Resource], kind: str, name: str) -> Resource:
    (found,) = (one for one in resources if one["kind"] == kind and one["metadata"]["name"] == name)
    return found


def of_kind(resources: Iterable[Resource], kind: str) -> Sequence[Resource]:
    return [one for one in resources if one["kind"] == kind]


def template_of(resource: Resource) -> Any:
    """That of its pods, or None."""
    spec = resource.get("spec", {})
    return spec.get("jobTemplate", {}).get("spec", spec).get("template")
