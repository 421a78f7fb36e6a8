"""docs/deployment.md: what its commands name exists, and what can be tried here works."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.deploy import compose, kustomize, settings_given
from tests.deploy.commands import assert_runs
from tests.deploy.dockerfile import BUILD_ARGUMENTS, ROOT, instructions
from tests.documents.examples import block, blocks, read
from tradeapi import __version__

DOCUMENT = "docs/deployment.md"


def _commands(program: str) -> Iterator[list[str]]:
    for one in blocks(DOCUMENT):
        if one.language == "bash":
            for line in one.text.replace("\\\n", " ").splitlines():
                if line.startswith(f"{program} "):
                    yield shlex.split(line)


def test_the_secrets_that_are_made_are_those_that_are_asked_for(tmp_path: Path) -> None:
    """By compose, which then starts what production accepts; nobody else can read them."""
    script = block(DOCUMENT, "bash", "umask").text
    subprocess.run(["/bin/sh", "-e", "-c", script], check=True, cwd=tmp_path)
    made = tmp_path / ".env"
    assert made.stat().st_mode & 0o077 == 0
    secrets = dict(line.split("=", 1) for line in made.read_text().splitlines())
    assert secrets.keys() == compose.SECRETS.keys()
    for name in compose.OURS:
        settings_given.loaded(compose.read(secrets)["services"][name]["environment"])


def test_further_settings_of_compose_are_settings() -> None:
    """The example of tradeapi.env, beside what compose sets itself."""
    (text,) = re.findall(r"```text\n(.*?)```", read(DOCUMENT), re.DOTALL)
    given = dict(line.strip().split("=", 1) for line in text.splitlines() if "=" in line)
    settings_given.loaded(given | compose.services()["api"]["environment"])
    assert compose.services()["api"]["env_file"][0]["path"] == "tradeapi.env"


def test_builds_give_what_the_dockerfile_takes() -> None:
    """Its arguments, and the version that this is."""
    (command,) = _commands("docker build")
    given = [command[place + 1] for place, word in enumerate(command) if word == "--build-arg"]
    taken = {one.text.partition("=")[0] for one in instructions() if one.name == "ARG"}
    assert {argument.partition("=")[0] for argument in given} | BUILD_ARGUMENTS <= taken
    assert f"VERSION={__version__}" in given


def test_compose_is_asked_for_services_that_it_has() -> None:
    """And these for commands that exist."""
    commands = [*_commands("docker compose")]
    assert commands
    for command in commands:
        if "run" in command:
            _, _, _, _, service, *arguments = command
            assert service in compose.OURS
            assert_runs(["tradeapi", *arguments])


def test_kubectl_is_asked_for_what_there_is() -> None:
    """Folders, files and resources; and pods for commands that exist."""
    found = kustomize.resources("prod-gateway")
    there = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in found}
    commands = [*_commands("kubectl")]
    there |= {
        f"job/{words[words.index('job') + 1]}"
        for words in commands
        if "create" in words and "job" in words
    }
    for command in commands:
        for option, value in pairwise(command):
            if option == "--kustomize":
                assert (ROOT / value / "kustomization.yaml").exists()
            if option in {"--namespace", "namespace", "job"}:
                assert f"{option.removeprefix('--')}/{value}" in there
        named = {word for word in command if re.match(r"(job|deployment|service)/", word)}
        assert named <= there
        if "--" in command:
            assert_runs(command[command.index("--") + 1 :])
    for _, source, _ in _commands("cp"):
        assert (ROOT / source).exists()


def test_every_part_is_explained() -> None:
    """Each folder below k8s/ that has a kustomization."""
    folders = {
        path.parent.relative_to(kustomize.FOLDER).as_posix()
        for path in kustomize.FOLDER.rglob("kustomization.yaml")
    }
    table = re.findall(r"^\| (`\w[^|]*`) \|", read(DOCUMENT), re.MULTILINE)
    assert folders <= {name for cell in table for name in re.findall(r"`([\w/-]+)`", cell)}


@pytest.mark.parametrize(
    ("words", "kind", "place"),
    [
        ("The API scales from {} to", "HorizontalPodAutoscaler", "minReplicas"),
        ("to {} pods: by CPU", "HorizontalPodAutoscaler", "maxReplicas"),
    ],
)
def test_numbers_of_pods_are_those_of_the_manifests(words: str, kind: str, place: str) -> None:
    """As the text has them."""
    (resource,) = kustomize.of_kind(kustomize.resources("prod"), kind)
    assert words.format(resource["spec"][place]) in " ".join(read(DOCUMENT).split())


def test_seconds_of_stopping_are_those_of_the_manifests() -> None:
    """Of the API's pods, as the text has them."""
    (pod,) = (
        one for one in kustomize.pods(kustomize.resources("prod")) if one.name == "tradeapi-api"
    )
    pause = pod.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = pod.spec["terminationGracePeriodSeconds"]
    text = " ".join(read(DOCUMENT).split())
    assert f"taken from the service, {pause} seconds before" in text
    assert f"after {grace} seconds in all it is killed" in text
    (config,) = kustomize.of_kind(kustomize.resources("prod"), "ConfigMap")
    assert f"drains for `DRAIN_SECONDS`, {config['data']['DRAIN_SECONDS']}," in text
