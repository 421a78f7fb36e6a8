"""What is listed on the simulated exchange."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from tradeapi.market.calendars.calendar import CONTINUOUS

# Of some hundred, one that leads to prices like those one knows.
SEED = 130
EXCHANGE = "SIM"
EXCHANGE_NAME = "Simulated exchange"
EXCHANGE_CALENDAR = "XNYS"
# Since when shares are counted: before its first bar.
COUNTED_FROM = date(2015, 1, 2)
TICK_SIZE = 0.01
# A power of two, so that volumes add up exactly in any order.
COIN_LOT = 0.125


@dataclass(frozen=True, slots=True)
class Security:
    """A security that does not exist; volatility and growth are annual, volume is daily.

    `price` is where its path begins. `dividend` is paid per share on each quarter's ex-date.
    """

    ticker: str
    title: str
    sector: str
    price: float
    volatility: float
    growth: float
    volume: float
    type: Literal["stock", "coin"] = "stock"
    trades_per_minute: int = 75
    splits: tuple[tuple[date, float], ...] = ()
    dividend: float = 0.0

    @property
    def symbol(self) -> str:
        return f"{EXCHANGE}:{self.ticker}"

    @property
    def name(self) -> str:
        return f"{self.title} (simulated)"

    @property
    def shares(self) -> float | None:
        """Outstanding before all of its splits, so many that a share is traded every 200 days."""
        return self.volume * 200 if self.type == "stock" else None

    @property
    def calendar(self) -> str:
        return CONTINUOUS if self.type == "coin" else EXCHANGE_CALENDAR

    @property
    def lot(self) -> float:
        return COIN_LOT if self.type == "coin" else 1.0


SECURITIES = (
    Security(
        "AURA", "Aura Semiconductors", "Technology", 70, 0.42, 0.20, 9e6,
        trades_per_minute=110, splits=((date(2024, 6, 10), 4.0),), dividend=0.04,
    ),
    Security("BOLT", "Bolt Motors", "Consumer Discretionary", 60, 0.45, 0.10, 8e6),
    Security("CRUX", "Crux Software", "Technology", 90, 0.28, 0.13, 5e6),
    Security("DELV", "Delve Mining", "Materials", 28, 0.36, 0.04, 4e6),
    Security("EMBR", "Ember Energy", "Energy", 55, 0.30, 0.05, 6e6, dividend=0.45),
    Security("FERN", "Fern Foods", "Consumer Staples", 48, 0.16, 0.05, 3e6, dividend=0.31),
    Security("GLYF", "Glyph Media", "Communication Services", 75, 0.32, 0.09, 4e6),
    Security("HALO", "Halo Health", "Health Care", 110, 0.22, 0.08, 2e6),
    Security("IRIS", "Iris Diagnostics", "Health Care", 36, 0.38, 0.08, 2e6),
    Security("JUNO", "Juno Airlines", "Industrials", 32, 0.40, 0.03, 7e6),
    Security("KITE", "Kite Robotics", "Industrials", 44, 0.34, 0.14, 3e6),
    Security("LUMN", "Lumen Utilities", "Utilities", 62, 0.17, 0.04, 2e6, dividend=0.52),
    Security("MESA", "Mesa Properties", "Real Estate", 40, 0.24, 0.04, 2e6),
    Security(
        "NOVA", "Nova Retail", "Consumer Discretionary", 130, 0.26, 0.12, 4e6,
        splits=((date(2023, 8, 28), 3.0),),
    ),
    Security("ORBT", "Orbit Networks", "Technology", 24, 0.35, 0.09, 5e6),
    Security("PIER", "Pier Bank", "Financials", 58, 0.24, 0.07, 6e6, dividend=0.36),
    Security("QILL", "Quill Insurance", "Financials", 85, 0.20, 0.08, 1.5e6),
    Security("RUNE", "Rune Games", "Communication Services", 22, 0.48, 0.06, 5e6),
    Security(
        "BTCUSD", "Bitcoin in US dollars", "Crypto", 9000, 0.55, 0.25, 20000,
        type="coin", trades_per_minute=150,
    ),
    Security(
        "ETHUSD", "Ether in US dollars", "Crypto", 400, 0.65, 0.22, 250000,
        type="coin", trades_per_minute=110,
    ),
)  # fmt: skip
