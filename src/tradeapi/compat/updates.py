"""What the stream tells of a chart, as clients of this protocol are told it."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tradeapi.compat.marks import marked_id

Frame = Mapping[str, Any]


class Updates:
    """One client's; it has been told of everything up to the first snapshot, or will ask."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._places: dict[str, tuple[int, str]] = {}
        self.has_begun = False

    def translate(self, frame: Frame) -> Iterator[str]:
        """One message for each update."""
        match frame["type"]:
            case "snapshot":
                self._place(frame["chart"])
                if self.has_begun:
                    # What has been between is lost.
                    for series, shown in frame["series"].items():
                        yield self._update(series, shown["points"], frame["seq"], append=False)
                self.has_begun = True
            case "chart":
                self._place(frame["chart"])
            case "points":
                revise = {"revise": True} if frame["revise"] else {}
                yield self._update(
                    frame["series"],
                    frame["points"],
                    frame["seq"],
                    append=not frame["revise"],
                    **revise,
                )
            case "series":
                yield self._update(frame["series"], frame["points"], frame["seq"], append=False)

    def _update(
        self, series: str, points: list[Any], seq: int, *, append: bool, **more: object
    ) -> str:
        pane, id = self._places[series]
        return orjson.dumps(
            {
                "type": "data_update",
                "chartId": self._key,
                "paneId": pane,
                "seriesId": id,
                "count": len(points),
                "append": append,
                "data": points,
                "seq": seq,
                **more,
            }
        ).decode()

    def _place(self, chart: Frame) -> None:
        self._places = {
            series["id"]: (number, marked_id(series["options"]) or series["id"])
            for number, pane in enumerate(chart["panes"])
            for series in pane["series"]
        }
