"""What answers look like, for the OpenAPI document."""

CONFIG = {
    "supports_search": True,
    "supports_group_request": False,
    "supports_marks": False,
    "supports_timescale_marks": True,
    "supports_time": True,
    "supported_resolutions": ["1", "60", "1D"],
    "exchanges": [{"value": "", "name": "All exchanges", "desc": ""}],
    "symbols_types": [{"value": "", "name": "All types"}, {"value": "stock", "name": "Stocks"}],
}
TIME = 1704205800
SYMBOL = {
    "name": "AAPL",
    "ticker": "US:AAPL",
    "description": "Apple Inc.",
    "type": "stock",
    "session": "0930-1600",
    "session_holidays": "20241225,20250101",
    "corrections": "0930-1300:20241129,20241224",
    "timezone": "America/New_York",
    "minmov": 1,
    "pricescale": 100,
    "has_intraday": True,
    "supported_resolutions": ["1", "60", "1D"],
}
TABLE = {
    "symbol": ["AAPL", "MSFT"],
    "ticker": ["US:AAPL", "US:MSFT"],
    "session-regular": ["0930-1600", "0930-1600"],
    "supported-resolutions": [["1", "60", "1D"], ["1D"]],
}
FOUND = [
    {
        "symbol": "AAPL",
        "full_name": "US:AAPL",
        "ticker": "US:AAPL",
        "description": "Apple Inc.",
        "exchange": "US",
        "type": "stock",
    }
]
BARS = {
    "s": "ok",
    "t": [1704153600, 1704240000],
    "o": [187.15, 184.22],
    "h": [188.44, 185.88],
    "l": [183.89, 183.43],
    "c": [185.64, 184.25],
    "v": [82488700, 58414500],
}
NO_MARKS: list[object] = []
MARKS = [
    {
        "id": "split-2024-06-10",
        "time": 1717977600,
        "color": "#9c27b0",
        "label": "S",
        "labelFontColor": "#ffffff",
        "shape": "circle",
        "tooltip": ["Split: 10 for 1 (2024-06-10)"],
    }
]
QUOTES = {
    "s": "ok",
    "d": [
        {"s": "ok", "n": "US:AAPL", "v": {"lp": 189.3, "ch": 1.2, "chp": 0.6379}},
        {"s": "error", "n": "US:NOPE", "v": {}},
    ],
}

DONE = {"status": "ok"}
LAYOUT = {
    "id": "01a217b3-88f1-7c2e-9d0b-5b7f5a1c6e20",
    "name": "Mine",
    "symbol": "US:AAPL",
    "resolution": "1D",
    "timestamp": 1704205800,
}
LAYOUTS = {**DONE, "data": [LAYOUT]}
SAVED = {**DONE, "id": LAYOUT["id"]}
TEMPLATES = {**DONE, "data": ["Mine"]}
DRAWINGS = {**DONE, "data": {"sources": {"QsyXVC": {"state": {}}}, "groups": {}}}
CHANGES: dict[str, object] = {"sources": {"QsyXVC": {"state": {}}, "Vi1mQ0": None}, "groups": {}}
