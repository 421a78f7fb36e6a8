"""How many points all charts of one owner may have together."""

from tradeapi.charts.keys import Key
from tradeapi.drivers import Raw
from tradeapi.errors import Forbidden

# Who adds so few, and sees so much room, need not look how it is in the end: not even together
# could all who write at the same time fill it.
FEW = 1_000
MUCH_ROOM = 1_000_000


async def check(raw: Raw, chart: Key, used: int, added: int, most: int) -> None:
    """Raises Forbidden where there are too many, now that these are saved.

    `used` is how many there were when the chart was locked. Other charts may have got some since;
    once these are saved nobody counts more before the transaction ends.
    """
    if added <= 0:
        return
    if used + added <= most and (added > FEW or used + MUCH_ROOM > most):
        [(used,)] = await raw.fetch(_USED, chart)
        added = 0
    if used + added > most:
        raise too_many_in_all(most)


def too_many_in_all(most: int) -> Forbidden:
    detail = f"Your charts have up to {most:,} points together; remove some."
    return Forbidden(detail, code="quota_all_points")


_USED = """
SELECT points FROM chart_usage WHERE owner_id = (SELECT owner_id FROM charts WHERE id = $1)
"""
