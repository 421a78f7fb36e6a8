"""What currencies cost as a build begins."""

from itertools import compress

import numpy as np

from tradeapi.database import Database
from tradeapi.indices.building.data import Ground
from tradeapi.indices.sessions import sessions
from tradeapi.market.calendars.days import DAY
from tradeapi.market.store.closes import daily_closes
from tradeapi.market.times import EARLIEST

# Nearly every one has been traded lately.
_LATELY = 40 * DAY


async def rates_before(database: Database, ground: Ground, day: int) -> dict[str, float]:
    """By currencies the last close before a day, of a session and however old; NaN: there is none.

    So a build that goes on knows what one that began long before has seen.
    """
    newest: dict[int, tuple[int, float]] = {}
    for start in (day - _LATELY, EARLIEST):
        missing = ground.converters.values() - newest.keys()
        known = sessions(ground.calendar, start, day) if missing else np.empty(0, np.int64)
        if not len(known):
            continue
        async with database.read() as raw:
            async for some in daily_closes(raw, sorted(missing), start, day):
                columns = (some.ids.tolist(), some.times.tolist(), some.closes.tolist())
                is_session = np.isin(some.times, known).tolist()
                for id, time, close in compress(zip(*columns, strict=True), is_session):
                    newest[id] = max((time, close), newest.get(id, (time, close)))
    return {
        currency: newest[id][1] if id in newest else np.nan
        for currency, id in ground.converters.items()
    }
