"""The charts of one owner, in the terms of lightweight-charts-pro."""

import numpy as np
import orjson

from tradeapi.charts.chunks import Window
from tradeapi.charts.documents import FoundChart, FoundSeries
from tradeapi.charts.kept_texts import KeptTexts
from tradeapi.charts.pages import Page
from tradeapi.charts.parsing import BYTES_OF_A_POINT, read_points
from tradeapi.charts.point_reader import PointReader
from tradeapi.charts.point_writer import PointWriter
from tradeapi.charts.points import Points, SeriesType, as_number
from tradeapi.charts.schemas import ChartChange
from tradeapi.compat.arrangement import Json, base_of, merged_options, panes_with
from tradeapi.compat.bodies import Pushed, parse
from tradeapi.compat.marks import TYPES, find, free_name, id_of, marked, options_of, type_of
from tradeapi.compat.places import Owned
from tradeapi.errors import Conflict, Invalid, NotFound, TradeError
from tradeapi.market.bars.posted import in_turn
from tradeapi.web.preconditions import Precondition

ANYWAY = Precondition(None)
# Somebody else may give the series points of another form between two steps.
ATTEMPTS = 3


class ProCharts:
    """A chart has the id of this protocol as its name, and answers to its own as well.

    `threshold` is from how many points on a series is sent in part.
    """

    def __init__(  # noqa: PLR0913  they are what it has
        self,
        owned: Owned,
        points: PointReader,
        writer: PointWriter,
        texts: KeptTexts,
        *,
        most: int,
        threshold: int,
    ) -> None:
        self._owned = owned
        self._points = points
        self._writer = writer
        self._texts = texts
        self._most = most
        self._threshold = threshold

    async def create(self, key: str, options: Json) -> Json:
        """Or give one that is there these options as well."""
        async with self._owned.writing() as charts:
            chart = await charts.get_or_create(key)
            before: Json = orjson.loads(chart.options)
            merged = merged_options(before, options)
            if merged != before:
                await charts.change(key, parse({"options": merged}, ChartChange), ANYWAY)
        return {"chartId": key, "options": merged}

    async def chart(self, key: str) -> Json:
        chart = await self._owned.read(key)
        panes: dict[int, list[Json]] = {}
        for series in chart.series:
            panes.setdefault(series.pane, []).append(await self._shown(chart, series))
        return {
            "chartId": key,
            "panes": [{"paneId": pane, "series": panes[pane]} for pane in sorted(panes)],
            "options": orjson.Fragment(chart.options),
        }

    async def series(self, key: str, pane: int, id: str) -> Json:
        chart = await self._owned.read(key)
        return await self._shown(chart, _found(chart, pane, id))

    async def history(self, key: str, pane: int, id: str, window: Window) -> Json:
        chart = await self._owned.read(key)
        series = _found(chart, pane, id)
        page = await self._points.read(str(chart.id), series.name, window)
        return {"seriesId": id, **await self._chunk(page)}

    async def set(self, key: str, id: str, pushed: Pushed) -> Json:
        """All points of a series, which is made if there is none, as is its chart."""
        asked = pushed.asked
        type = asked.series_type or await self._type_now(key, asked.pane_id, id)
        base = base_of(type, pushed.points)
        points = await self._read(pushed.points, base, type)
        for attempt in range(ATTEMPTS):
            try:
                name = await self._arrange(key, id, pushed, type, base)
                await self._writer.put(key, name, points, ANYWAY)
            except Conflict as conflict:
                if attempt + 1 == ATTEMPTS or conflict.code != "points_do_not_fit":
                    raise
            else:
                break
        return {"seriesId": id, "seriesType": type, "count": len(points)}

    async def append(self, key: str, id: str, pushed: Pushed) -> Json:
        chart = await self._owned.read(key)
        series = _found(chart, pushed.asked.pane_id, id)
        type = type_of(series)
        points = await self._read(pushed.points, SeriesType(series.type), type)
        _, state = await self._writer.add(str(chart.id), series.name, points, ANYWAY, amend=False)
        return {"seriesId": id, "seriesType": type, "count": state.count}

    async def id_of(self, key: str) -> str:
        return str((await self._owned.read(key)).id)

    async def _type_now(self, key: str, pane: int, id: str) -> str:
        try:
            series = find((await self._owned.read(key)).series, pane, id)
        except NotFound:
            series = None
        return SeriesType.LINE if series is None else type_of(series)

    async def _read(self, text: bytes, base: SeriesType, type: str) -> Points:
        def read() -> Points:
            points = read_points(text, base, self._most)
            if type in TYPES and np.isnan(points.values).any():
                names = ", ".join(base.columns)
                raise Invalid(f"Each point of a {type} has: time, {names}.", code="missing_field")
            return points

        return await in_turn(len(text) // BYTES_OF_A_POINT, read)

    async def _arrange(self, key: str, id: str, pushed: Pushed, type: str, base: SeriesType) -> str:
        """Have the chart show the series as it is asked for; what it is called in it."""
        async with self._owned.writing() as charts:
            chart = await charts.get_or_create(key)
            series = find(chart.series, pushed.asked.pane_id, id)
            name = series.name if series else free_name(chart.series, pushed.asked.pane_id, id)
            options = pushed.asked.options
            if options is None:
                options = {} if series is None else options_of(series)
            kept = marked(options, name=name, id=id, type=type)
            now = None if series is None else (series.type, orjson.loads(series.options))
            if now == (base, kept):
                return name
            fits = series is None or SeriesType(series.type).columns == base.columns
            if fits or not series or not series.count:
                one = {"id": name, "type": base, "options": kept, "source": None}
                panes = panes_with(chart, pushed.asked.pane_id, one)
                await charts.change(key, parse({"panes": panes}, ChartChange), ANYWAY)
                return name
            width = len(SeriesType(series.type).columns)
        # Its points have another form, and are replaced anyway.
        await self._writer.put(key, name, Points.empty(width), ANYWAY)
        return await self._arrange(key, id, pushed, type, base)

    async def _shown(self, chart: FoundChart, series: FoundSeries) -> Json:
        try:
            window = Window(self._threshold)
            page = await self._points.read(str(chart.id), series.name, window)
        except TradeError as error:
            if error.code not in _NOT_SHOWN:
                raise
            data: Json = {"data": [], "totalCount": 0, "chunked": False}
        else:
            data = await self._chunk(page)
            total: int = data["totalCount"]
            data["chunked"] = total >= self._threshold
            if not data["chunked"]:
                for name in ("chunkInfo", "hasMoreBefore", "hasMoreAfter"):
                    del data[name]
        return {
            "seriesId": id_of(series),
            "seriesType": type_of(series),
            "options": options_of(series),
            **data,
        }

    async def _chunk(self, page: Page) -> Json:
        start, total = await self._points.place(page)
        count = len(page.points)
        times = page.points.time
        first, last = (
            (as_number(float(times[0])), as_number(float(times[-1]))) if count else (None, None)
        )
        info = {
            "startIndex": start,
            "endIndex": start + count,
            "startTime": first,
            "endTime": last,
            "count": count,
        }
        return {
            "data": orjson.Fragment(await self._texts.in_json(page, page.points)),
            "chunkInfo": {
                **info,
                # Older clients read these.
                "start_index": start,
                "end_index": start + count,
                "start_time": first,
                "end_time": last,
            },
            "hasMoreBefore": page.has_more_before,
            "hasMoreAfter": page.has_more_after,
            "totalCount": total,
        }


# They are about one series; all others are to be seen.
_NOT_SHOWN = {"unknown_symbol", "ambiguous_symbol", "history_too_long"}


def _found(chart: FoundChart, pane: int, id: str) -> FoundSeries:
    series = find(chart.series, pane, id)
    if series is None:
        raise NotFound("The pane has no such series.", code="unknown_series")
    return series
