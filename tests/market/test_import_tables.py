"""The rows of files, and their lines."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.market.importing.columns import recognise
from tradeapi.market.importing.csv_table import LONGEST_LINE
from tradeapi.market.importing.files import open_table
from tradeapi.market.importing.tables import Table, Unusable
from tradeapi.market.importing.values import texts

Rows = dict[int, tuple[str, ...]]


def read(table: Table) -> tuple[Rows, list[int]]:
    """The values of each line, and the malformed lines."""
    rows: Rows = {}
    malformed: list[int] = []
    for batch in table.batches(table.names):
        columns = [texts(column) for column in batch.columns]
        rows |= dict(zip(batch.lines.tolist(), zip(*columns, strict=True), strict=True))
        malformed += batch.malformed.tolist()
    return rows, malformed


def write(path: Path, data: bytes) -> Table:
    path.write_bytes(data)
    return open_table(path)


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n3,4\n",
        b"a,b\r\n1,2\r\n3,4",
        b"\xef\xbb\xbfa, b\n1,2\n3,4\n",
        b"a;b\n1;2\n3;4\n",
        b"a\tb\n1\t2\n3\t4\n",
        b'"a","b"\n"1","2"\n3,"4"\n',
        gzip.compress(b"a,b\n1,2\n3,4\n", mtime=0),
    ],
)
def test_the_usual_forms_of_csv_are_read(tmp_path: Path, data: bytes) -> None:
    """By what is in the file, whatever it is called."""
    table = write(tmp_path / "file", data)
    assert table.names == ["a", "b"]
    assert read(table) == ({2: ("1", "2"), 3: ("3", "4")}, [])
    assert table.progress == 1


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    """Blank lines are no rows; a stray quote costs its own line and no other."""
    lines = [
        "a,b",
        "",
        "1,2",
        '"1,2',
        "1,2,3",
        '"1\n1",2',
        "\r",
        'x"y,"z',
        "1\r2,3",
        "4,5",
        f"{'1' * LONGEST_LINE},2",
        "\xff,6",
        ",",
        '"1,000",2',
        '"7,8',
    ]
    table = write(tmp_path / "file", "\n".join(lines).encode("latin1"))
    rows, malformed = read(table)
    assert rows == {
        3: ("1", "2"),
        7: ('1"', "2"),
        9: ('x"y', "z"),
        11: ("4", "5"),
        13: ("\ufffd", "6"),
        14: ("", ""),
        15: ("1,000", "2"),
    }
    assert malformed == [4, 5, 6, 10, 12, 16]
    assert [*table.rows_at(np.array([4, 7, 16]))] == ['"1,2', '1",2', '"7,8']


def test_lines_are_right_in_a_file_of_many_blocks(tmp_path: Path) -> None:
    """Wherever the blocks meet."""
    data = [
        "a,b",
        *("x" if line % 997 == 0 else f"{line:030},{line:030}" for line in range(2, 90_000)),
    ]
    table = write(tmp_path / "file", "\n".join(data).encode())
    rows, malformed = read(table)
    assert all(int(first) == int(second) == line for line, (first, second) in rows.items())
    assert malformed == [line for line in range(2, 90_000) if line % 997 == 0]
    assert len(rows) + len(malformed) == 89_998
    some = np.array([2, 997, 40_000, 89_999])
    assert [*table.rows_at(some)] == [data[line - 1] for line in some]


field = st.text(st.sampled_from("a1, \"\r'.é"), max_size=6)


@given(st.lists(st.lists(field, min_size=1, max_size=4).map(",".join), max_size=30))
def test_every_line_is_a_row_malformed_or_blank(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """And without quotes a row is what is between the commas."""
    path = tmp_path_factory.mktemp("csv") / "file"
    rows, malformed = read(write(path, "\n".join(["a,b", *lines]).encode()))
    blank = {number for number, line in enumerate(lines, 2) if line in {"", "\r"}}
    assert rows.keys() | set(malformed) | blank == set(range(2, len(lines) + 2))
    assert len(rows) + len(malformed) + len(blank) == len(lines)
    for number, values in rows.items():
        line = lines[number - 2]
        if not {'"', "\r"} & {*line}:
            assert [*values] == [value.strip() for value in line.split(",")]


def test_a_very_long_line_is_not_kept(tmp_path: Path) -> None:
    """It is malformed, also where it is longer than several blocks."""
    table = write(tmp_path / "file", b"a,b\n1,2\n" + b"3" * 9_000_000 + b",4\n5,6\n")
    assert read(table) == ({2: ("1", "2"), 4: ("5", "6")}, [3])


def test_rows_of_parquet_are_numbered_from_one(tmp_path: Path) -> None:
    """Over its row groups; rejected ones are written as CSV would have them."""
    path = tmp_path / "file"
    columns = {"a": [f"a,{n}" for n in range(10)], "b": [None, *range(1, 10)]}
    pa.parquet.write_table(pa.table(columns), path, row_group_size=3)
    table = open_table(path)
    rows, malformed = read(table)
    assert list(rows) == [*range(1, 11)]
    assert rows[1] == ("a,0", "")
    assert rows[10] == ("a,9", "9")
    assert malformed == []
    assert [*table.rows_at(np.array([1, 4, 10]))] == ['"a,0",', '"a,3",3', '"a,9",9']


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"PAR1" + bytes(100), "damaged"),
        (b"\x1f\x8b" + bytes(100), "damaged"),
        (gzip.compress(bytes(range(256)) * 1000)[:300], "breaks off"),
    ],
)
def test_what_can_not_be_read_is_said(tmp_path: Path, data: bytes, message: str) -> None:
    """As a sentence, not a traceback."""
    with pytest.raises(Unusable, match=message):
        read(write(tmp_path / "file", data))


def test_a_folder_and_a_missing_file_are_no_files(tmp_path: Path) -> None:
    """As a sentence too."""
    with pytest.raises(Unusable, match="directory"):
        open_table(tmp_path)
    with pytest.raises(Unusable, match="No such file"):
        open_table(tmp_path / "missing")


@pytest.mark.parametrize("name", ["Adj Close", "adj_close", "ADJCLOSE", "<Adj.Close>"])
def test_columns_are_recognised_however_they_are_spelt(name: str) -> None:
    """Only letters and digits count."""
    assert recognise([name], {"adjusted": ("adjclose",)}) == {"adjusted": name}


def test_of_several_columns_for_a_role_the_first_alias_counts() -> None:
    """Not the first column."""
    roles = {"symbol": ("ticker", "symbol", "name"), "time": ("timestamp", "date")}
    found = recognise(["Name", "Date", "Ticker", "ticker"], roles)
    assert found == {"symbol": "Ticker", "time": "Date"}
