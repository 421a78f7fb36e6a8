"""Cursors of lists."""

import httpx2
import pytest

from tradeapi.errors import Invalid
from tradeapi.web.pages import Cursors

CURSORS = Cursors([b"secret"])


def test_a_list_goes_on_where_it_stopped(client: httpx2.Client) -> None:
    """The cursor of one page opens the next."""
    first = client.get("/probe/pages").json()
    second = client.get("/probe/pages", params={"cursor": first["next_cursor"]}).json()
    assert first["items"] + second["items"] == [0, 1, 2, 3]


def test_a_cursor_keeps_its_position() -> None:
    """Names beyond ASCII, numbers and nulls survive the way to the client and back."""
    position: list[str | float | None] = ["US:ÄÖ", 17, 1.5, None]
    assert CURSORS.decode("symbols", CURSORS.encode("symbols", position)) == position


def test_a_cursor_outlives_a_change_of_the_secret() -> None:
    """As long as the former one is known."""
    cursor = CURSORS.encode("symbols", [1])
    assert Cursors([b"new", b"secret"]).decode("symbols", cursor) == [1]
    with pytest.raises(Invalid):
        Cursors([b"new"]).decode("symbols", cursor)


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "",
        "a.b",
        CURSORS.encode("symbols:stock", [1]),
        Cursors([b"another secret"]).encode("symbols", [1]),
        CURSORS.encode("symbols", [1])[:-1],
    ],
)
def test_a_cursor_of_somewhere_else_is_refused(cursor: str) -> None:
    """Made up, cut, of another list or filter, or signed by another service."""
    with pytest.raises(Invalid) as refusal:
        CURSORS.decode("symbols", cursor)
    assert refusal.value.code == "bad_cursor"
