"""API keys and path tokens in the database, for whoever has been sent one."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.models import ApiKey, PathToken, User
from tradeapi.auth.revocations import Kind
from tradeapi.auth.scopes import OF_PLACES, granted, split
from tradeapi.security.api_keys import ApiKey as KeyText
from tradeapi.security.api_keys import PathToken as PathTokenText
from tradeapi.web.path_tokens import Place
from tradeapi.web.principal import Principal

Peppers = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Sort:
    """What is looked up by a text; `find` is for one that `parse` has accepted."""

    noun: str
    kind: Kind
    parse: Callable[[str], KeyText | None]
    find: Callable[[AsyncSession, KeyText, Peppers], Awaitable[Principal | None]]


async def _find_key(session: AsyncSession, key: KeyText, peppers: Peppers) -> Principal | None:
    chosen = (
        select(ApiKey, User.role, User.scopes, User.is_disabled)
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.prefix == key.prefix, ApiKey.revoked_at.is_(None))
    )
    row = (await session.execute(chosen)).one_or_none()
    if row is None or row.is_disabled or not key.is_right(row[0].hash, peppers):
        return None
    stored: ApiKey = row[0]
    return Principal(
        user=stored.user_id,
        key=stored.id,
        scopes=split(stored.scopes) & granted(row.role, row.scopes),
        rate=stored.rate,
        expires=stored.expires_at,
    )


async def _find_path_token(
    place: Place, session: AsyncSession, token: KeyText, peppers: Peppers
) -> Principal | None:
    good = (PathToken.prefix == token.prefix, PathToken.revoked_at.is_(None))
    chosen = (
        select(PathToken, User.role, User.scopes, User.is_disabled)
        .join(User, User.id == PathToken.user_id)
        .where(*good, PathToken.kind == place)
    )
    row = (await session.execute(chosen)).one_or_none()
    if row is None or row.is_disabled or not token.is_right(row[0].hash, peppers):
        return None
    stored: PathToken = row[0]
    return Principal(
        user=stored.user_id,
        path_token=stored.id,
        scopes=OF_PLACES[place] & granted(row.role, row.scopes),
        expires=stored.expires_at,
    )


API_KEYS = Sort("API key", Kind.KEY, KeyText.parse, _find_key)
# One for each place, so that what is good in one is unknown in the other.
PATH_TOKENS = {
    place: Sort("path token", Kind.PATH, PathTokenText.parse, partial(_find_path_token, place))
    for place in Place
}
