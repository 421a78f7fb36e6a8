"""The fenced blocks of a document: what a reader would run, and what is shown to come of it.

A block of `sh` is an example to be run against `make run`, in the order of the document; the block
of `json` or `text` right below it is its output. `sh 422` is one that the service refuses with
that status. Blocks of `bash` are for a reader's own machine and are not run.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "docs/bars.md",
    "docs/charts.md",
    "docs/watchlists.md",
    "docs/indices.md",
    "docs/alerts.md",
    "docs/webhooks.md",
    "docs/notifications.md",
    "docs/jobs.md",
    "docs/stream.md",
    "docs/datafeed.md",
    "docs/charting.md",
    "docs/accounts.md",
    "docs/security.md",
    "docs/operations.md",
    "docs/monitoring.md",
    "docs/backup.md",
)

_block = re.compile(r"^```(\w+) ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """`line` is where it begins."""

    line: int
    language: str
    option: str
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """A command with its output, None where none is shown; `refusal` is the status expected."""

    command: str
    shown: Block | None
    refusal: int | None
    line: int


def read(document: str) -> str:
    return (ROOT / document).read_text()


def blocks(document: str) -> Sequence[Block]:
    text = read(document)
    return [
        Block(text.count("\n", 0, found.start()) + 1, *found.groups())
        for found in _block.finditer(text)
    ]


def block(document: str, language: str, containing: str) -> Block:
    """The only one with such a text in it."""
    (found,) = (
        one for one in blocks(document) if one.language == language and containing in one.text
    )
    return found


def examples(document: str) -> Sequence[Example]:
    found = blocks(document)
    by_line = {one.line: one for one in found if one.language in {"json", "text"}}
    return [
        Example(
            command=one.text,
            shown=by_line.get(one.line + one.text.count("\n") + 2),
            refusal=int(one.option) if one.option else None,
            line=one.line,
        )
        for one in found
        if one.language == "sh"
    ]
