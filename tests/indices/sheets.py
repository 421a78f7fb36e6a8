"""What is in the first sheet of a spreadsheet."""

import re
from datetime import date, timedelta
from io import BytesIO
from xml.etree import ElementTree as ET
from zipfile import ZipFile

_NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
# The day 0 of all spreadsheets, but for January and February 1900.
_EPOCH = date(1899, 12, 30)


def cells(file: bytes) -> list[list[str | None]]:
    """Row by row, None where there is nothing; the first column is of dates."""
    sheet = ET.fromstring(ZipFile(BytesIO(file)).read("xl/worksheets/sheet1.xml"))  # noqa: S314  it is ours
    return [_row(row) for row in sheet.iter(f"{_NAMESPACE}row")]


def _row(row: ET.Element) -> list[str | None]:
    values: list[str | None] = []
    for cell in row.iter(f"{_NAMESPACE}c"):
        column = re.sub(r"\d", "", cell.attrib["r"])
        values += [None] * (ord(column) - ord("A") - len(values))
        text = "".join(cell.itertext()) or None
        if not values and text is not None and "t" not in cell.attrib:
            text = (_EPOCH + timedelta(float(text))).isoformat()
        values.append(text)
    return values
