"""Stands in for curl where there is none: the options that our documents use, and no others."""

import argparse
import sys
from pathlib import Path

import httpx2

REFUSED = 22


def main(arguments: list[str]) -> int:
    """Like `curl --fail-with-body`."""
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="body")
    parser.add_argument("-o", dest="output")
    parser.add_argument("url")
    asked = parser.parse_args(arguments)
    headers = dict(header.lower().split(": ", 1) for header in asked.headers)
    if asked.body is not None:
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    answer = httpx2.request(
        asked.method or ("GET" if asked.body is None else "POST"),
        asked.url,
        headers=headers,
        content=asked.body,
    )
    if asked.output:
        Path(asked.output).write_bytes(answer.content)
    else:
        sys.stdout.write(answer.text)
    return REFUSED if answer.is_error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
