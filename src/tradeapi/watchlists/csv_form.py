"""Watchlists as CSV (RFC 4180): what is written and read again is the same.

Tags stand in one cell, a semicolon between two. A spreadsheet takes text that begins with one of
`=+-@` for a formula, so that is written behind an apostrophe, as is what begins with one; one is
taken away again.
"""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO

from pydantic import ValidationError

from tradeapi.errors import FieldError, Invalid
from tradeapi.watchlists.items import Listed
from tradeapi.watchlists.schemas import ItemIn

MEDIA_TYPE = "text/csv"
COLUMNS = (
    "symbol",
    "name",
    "category",
    "notes",
    "priority",
    "tags",
    "added_at",
    "added_price",
    "target_price",
    "stop_loss",
    "alert_enabled",
)
_TEXTS = ("name", "category", "notes", "tags")
_NUMBERS = ("added_at", "added_price", "target_price", "stop_loss")
# Spreadsheets write them in capitals.
_FLAGS = {"true": True, "false": False}
_FORMULAS = ("=", "+", "-", "@", "'")
# No cell of ours is longer; the reader's own limit stops nobody from sending 128 kB.
_LONGEST_CELL = 4096


def write(listed: Sequence[Listed]) -> str:
    file = StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for one in listed:
        facts = {name: getattr(one.item, name) for name in COLUMNS[1:]}
        facts["tags"] = ";".join(one.item.tags)
        facts["alert_enabled"] = "true" if one.item.alert_enabled else "false"
        writer.writerow([one.symbol, *(_cell(name, value) for name, value in facts.items())])
    return file.getvalue()


def read(text: str, *, most: int) -> Sequence[ItemIn]:
    """Columns in any order; those that are missing, and cells that are empty, say nothing.

    Raises Invalid, with a pointer to each cell that is wrong; rows are counted from 0.
    """
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    rows: list[ItemIn] = []
    faults: list[FieldError] = []
    try:
        header = _header(next(reader, []))
        for number, cells in enumerate(filter(None, reader)):
            if number == most:
                raise Invalid(f"A file has up to {most} rows.")
            if len(cells) != len(header):
                detail = f"has {len(cells)} cells for {len(header)} columns"
                faults.append(FieldError(f"/rows/{number}", detail))
                continue
            try:
                rows.append(_row(dict(zip(header, cells, strict=True))))
            except ValidationError as error:
                faults.extend(_faults(number, error))
    except csv.Error as error:
        raise Invalid(f"This is not CSV: {error}, in line {reader.line_num}.") from error
    if faults:
        raise Invalid("Some rows are no good; nothing has been changed.", errors=faults)
    return rows


def _cell(name: str, value: object) -> object:
    if name in _TEXTS and isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value


def _header(cells: Sequence[str]) -> Sequence[str]:
    header = [cell.strip().lower() for cell in cells]
    strangers = [name for name in header if name not in COLUMNS]
    if strangers or "symbol" not in header or len(set(header)) < len(header):
        raise Invalid(
            "The first line has to name the columns, symbol among them, each once: "
            f"{', '.join(COLUMNS)}.",
            errors=[FieldError("/header", f"there is no column {name[:80]}") for name in strangers],
        )
    return header


def _row(cells: Mapping[str, str]) -> ItemIn:
    facts: dict[str, object] = {}
    for name, cell in cells.items():
        if len(cell) > _LONGEST_CELL:
            facts[name] = cell
        elif name in _TEXTS:
            value = cell.removeprefix("'")
            if value:
                facts[name] = value.split(";") if name == "tags" else value
        elif cell.strip():
            facts[name] = _value(name, cell.strip())
    # An export that has no price says so with an empty cell.
    if "added_price" in cells:
        facts.setdefault("added_price", None)
    return ItemIn.model_validate(facts)


def _value(name: str, cell: str) -> object:
    """What is no number and no flag is left to be refused."""
    if name == "alert_enabled":
        return _FLAGS.get(cell.lower(), cell)
    try:
        return float(cell) if name in _NUMBERS else cell
    except ValueError:
        return cell


def _faults(number: int, error: ValidationError) -> Sequence[FieldError]:
    return [
        FieldError("/".join(["/rows", str(number), *map(str, fault["loc"])]), fault["msg"])
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
