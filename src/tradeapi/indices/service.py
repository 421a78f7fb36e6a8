"""The indices that there are, and their rules."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.errors import Conflict, FieldError, Invalid, NotFound
from tradeapi.indices import rules as checks
from tradeapi.indices.models import IndexBuild, IndexDefinition
from tradeapi.indices.schemas import IndexIn, Rules
from tradeapi.indices.universe import Universe, universe_of
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.models import Symbol
from tradeapi.market.symbols.service import Symbols
from tradeapi.web.preconditions import Precondition

EXCHANGE = "INDEX"


def symbol_of(code: str) -> str:
    """Under which an index has bars."""
    return f"{EXCHANGE}:{code}"


class Checked(NamedTuple):
    """Rules that make sense, with what they were checked against."""

    universe: Universe
    calendar: str


class Indices:
    """All indices, inside one transaction: they are symbols, and so everybody's."""

    def __init__(
        self, session: AsyncSession, calendars: Calendars, now: float, audit: Audit | None = None
    ) -> None:
        self._session = session
        self._calendars = calendars
        self._now = now
        self._audit = audit

    async def list(self, *, after: str | None, limit: int) -> Sequence[IndexDefinition]:
        """In the order of their codes."""
        chosen = select(IndexDefinition).order_by(IndexDefinition.code).limit(limit)
        if after is not None:
            chosen = chosen.where(IndexDefinition.code > after)
        return (await self._session.scalars(chosen)).all()

    async def get(self, code: str, *, lock: bool = False) -> IndexDefinition:
        chosen = select(IndexDefinition).where(IndexDefinition.code == code)
        found = await self._session.scalar(chosen.with_for_update() if lock else chosen)
        if found is None:
            raise NotFound(f"There is no index {code[:40]}.", code="unknown_index")
        return found

    async def builds(self, code: str, *, before: UUID | None, limit: int) -> Sequence[IndexBuild]:
        """The newest first."""
        index = await self.get(code)
        chosen = select(IndexBuild).where(IndexBuild.index_id == index.id)
        if before is not None:
            chosen = chosen.where(IndexBuild.id < before)
        return (
            await self._session.scalars(chosen.order_by(IndexBuild.id.desc()).limit(limit))
        ).all()

    async def create(self, new: IndexIn, owner: UUID | None) -> IndexDefinition:
        """With its symbol, which has no bars until it is built; raises Invalid, and Conflict for a
        code that there is."""
        checked = await self.checked(new, new.code)
        symbol = symbol_of(new.code)
        if await Symbols(self._session).find(symbol) is not None:
            raise Conflict(f"There is a symbol {symbol}.", code="index_exists")
        fields = await self._symbol(symbol, new, checked.calendar)
        index = IndexDefinition(
            code=new.code,
            symbol_id=fields.id,
            owner_id=owner,
            version=0,
            revision=0,
            created_at=self._now,
        )
        self._define(index, new, checked.calendar)
        self._session.add(index)
        try:
            await self._session.flush()
        except IntegrityError as error:
            raise Conflict(f"There is an index {new.code}.", code="index_exists") from error
        self._record("index.create", new.code)
        return index

    async def replace(self, code: str, rules: Rules, precondition: Precondition) -> IndexDefinition:
        """Have these rules; what is built stays until the next build follows them."""
        index = await self.get(code, lock=True)
        precondition.check(index.etag)
        checked = await self.checked(rules, code)
        await self._symbol(symbol_of(code), rules, checked.calendar)
        self._define(index, rules, checked.calendar)
        await self._session.flush()
        self._record("index.replace", code)
        return index

    async def delete(self, code: str, precondition: Precondition) -> None:
        """With its symbol and all its bars."""
        index = await self.get(code, lock=True)
        precondition.check(index.etag)
        symbols = Symbols(self._session)
        await symbols.remove(await symbols.get(symbol_of(code)))
        self._record("index.delete", code)

    async def checked(self, rules: Rules, code: str) -> Checked:
        """Raises Invalid for rules that make no sense."""
        universe = await universe_of(self._session, rules, but=symbol_of(code))
        calendar = checks.calendar_of(rules, universe)
        checks.check(rules, universe, await self._calendars.get(calendar))
        symbols = Symbols(self._session)
        for converter in rules.fx.values():
            if converter.upper() == symbol_of(code):
                detail = "An index converts no currency of its own."
                raise Invalid(detail, code="invalid_index", errors=[FieldError("/fx", detail)])
            await symbols.get(converter)
        return Checked(universe, calendar)

    async def _symbol(self, symbol: str, rules: Rules, calendar: str) -> Symbol:
        symbols = Symbols(self._session)
        await symbols.save(
            symbol,
            name=rules.name or symbol.partition(":")[2],
            type="index",
            currency=rules.currency,
            calendar=calendar,
        )
        return await symbols.get(symbol)

    def _define(self, index: IndexDefinition, rules: Rules, calendar: str) -> None:
        told = rules.model_dump(mode="json")
        told.pop("code", None)
        index.name = rules.name or index.code
        index.currency = rules.currency
        index.calendar = calendar
        index.definition = told
        index.version += 1
        index.updated_at = self._now

    def _record(self, what: str, code: str) -> None:
        if self._audit is not None:
            self._audit.record(what, target=code)
