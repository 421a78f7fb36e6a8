"""The Dockerfile and .dockerignore, as far as their tests read them."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE, IGNORED = ROOT / "Dockerfile", ROOT / ".dockerignore"
BUILD_ARGUMENTS = {"PYTHON_IMAGE", "UV_IMAGE", "POSTGRESQL_CLIENT"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """`flags` are those before what it is about: {"from": "builder"}."""

    name: str
    flags: Mapping[str, str]
    text: str

    @property
    def words(self) -> Sequence[str]:
        """In whichever of both forms they are written."""
        if self.text.startswith("["):
            words: list[str] = json.loads(self.text)
            return words
        return shlex.split(self.text)

    @property
    def pairs(self) -> Mapping[str, str]:
        return dict(word.split("=", 1) for word in self.words)


def instructions() -> Iterator[Instruction]:
    lines = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line:
            name, _, text = line.partition(" ")
            flags = re.match(r"(?:--[\w-]+=\S+ +)*", text)
            assert flags is not None
            yield Instruction(
                name,
                dict(re.findall(r"--([\w-]+)=(\S+)", flags[0])),
                text[flags.end() :].strip(),
            )


def stages() -> Mapping[str, Sequence[Instruction]]:
    """By their names; the last one, which has none, is ""."""
    found: dict[str, list[Instruction]] = {"before": []}
    for one in instructions():
        if one.name == "FROM":
            found[one.text.partition(" AS ")[2]] = []
        else:
            [*found.values()][-1].append(one)
    return found


def first(stage: Sequence[Instruction], name: str) -> Instruction:
    return next(one for one in stage if one.name == name)


def is_ignored(path: str) -> bool:
    """Whether Docker leaves it out of what it builds from: the last pattern that fits counts."""
    ignored = False
    for line in IGNORED.read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and _fits(path, pattern):
            ignored = not line.startswith("!")
    return ignored


def _fits(path: str, pattern: str) -> bool:
    """The pattern names it or a folder that it is in."""
    parts = path.split("/")
    places = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    if pattern.startswith("**/"):
        return any(fnmatch(part, pattern.removeprefix("**/")) for part in parts)
    return any(
        place.count("/") == pattern.count("/") and fnmatch(place, pattern) for place in places
    )
