"""What goes over the wire about users, logins and keys."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from tradeapi.auth.addresses import is_address
from tradeapi.auth.scopes import Role
from tradeapi.web.path_tokens import Place
from tradeapi.web.principal import Scope
from tradeapi.web.schemas import In, Out, Time

LONGEST_PASSWORD = 1024


def _address(text: str) -> str:
    if not is_address(text):
        raise PydanticCustomError("email", "This is not an e-mail address.")
    return text


def _words(value: Any) -> Any:  # noqa: ANN401  from the database, or already split
    return value.split() if isinstance(value, str) else value


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=254),
    AfterValidator(_address),
    Field(examples=["ada@example.com"]),
]
Password = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_PASSWORD, examples=["a long sentence is a good one"]),
]
# From the database they come as words.
Scopes = Annotated[list[Scope], BeforeValidator(_words), Field(examples=[["read", "write"]])]
Secret = Annotated[
    str,
    Field(min_length=1, max_length=200, examples=["H_DNJkOLIzatdtyw9FFCJXd6B6vqt7hKveDWeAJ5dFU"]),
]


class RegisterIn(In):
    email: Email
    password: Password


class UserOut(Out):
    id: UUID
    email: str = Field(examples=["ada@example.com"])
    role: Role
    scopes: Scopes
    is_disabled: bool
    verified_at: Time | None
    created_at: Time
    version: int


class TokensOut(Out):
    """As RFC 6749 has it."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int = Field(description="Seconds for which the access token is good.")
    refresh_token: str = Field(description="Good once: the answer to it has the next one.")
    scope: str = Field(examples=["read write"])


class RefreshIn(In):
    refresh_token: Secret


class LogoutIn(In):
    all: StrictBool = Field(default=False, description="Also everywhere else.", examples=[False])


class EmailIn(In):
    email: Email


class MeIn(In):
    email: Email = Field(description="The new address, to be verified anew.")
    password: Password = Field(description="Yours, because mail to the new address resets it.")


class PasswordIn(In):
    current: Password
    new: Password


class PasswordResetIn(In):
    token: Secret
    password: Password


class TokenIn(In):
    token: Secret


class ConfirmIn(In):
    password: Password


class LoginOut(Out):
    id: UUID
    created_at: Time
    used_at: Time
    expires_at: Time
    address: str = Field(examples=["203.0.113.7"])
    agent: str = Field(examples=["Mozilla/5.0"])
    scopes: Scopes


class LoginsOut(Out):
    items: list[LoginOut]
    current: UUID = Field(description="The one you ask from.")


class ApiKeyIn(In):
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$", examples=["feed"])
    scopes: list[Scope] = Field(
        default_factory=lambda: [Scope.READ],
        min_length=1,
        max_length=4,
        description="No more than your own.",
        examples=[["read"]],
    )
    expires_in_days: int | None = Field(
        default=None, ge=1, le=3650, description="Null: it does not expire."
    )


class ApiKeyOut(Out):
    id: UUID
    name: str
    prefix: str = Field(description="How the key goes on after `tk_`.", examples=["4fZq8Lm2"])
    scopes: Scopes
    rate: int | None = Field(description="Requests a minute, where they are not the user's.")
    created_at: Time
    expires_at: Time | None
    used_at: Time | None = Field(description="To the minute.")


class NewApiKeyOut(ApiKeyOut):
    key: str = Field(description="Shown this once.")


class ApiKeysOut(Out):
    items: list[ApiKeyOut]


class PathTokenIn(In):
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$", examples=["charts"])
    kind: Place = Field(
        description="`udf` reads below `/udf`; `udf-storage` keeps your layouts below that.",
        examples=["udf"],
    )
    expires_in_days: int | None = Field(
        default=None, ge=1, le=3650, description="Null: it does not expire."
    )


class PathTokenOut(Out):
    id: UUID
    name: str
    kind: Place
    prefix: str = Field(description="How the token goes on after `tp_`.", examples=["4fZq8Lm2"])
    created_at: Time
    expires_at: Time | None
    used_at: Time | None = Field(description="To the minute.")


class NewPathTokenOut(PathTokenOut):
    token: str = Field(description="Shown this once.")


class PathTokensOut(Out):
    items: list[PathTokenOut]


class TicketIn(In):
    kind: Literal["ws", "stream"] = Field(
        default="ws",
        description="For `/ws`, or for `GET /api/v1/stream`.",
        examples=["stream"],
    )


class TicketOut(Out):
    ticket: str = Field(examples=["H_DNJkOLIzatdtyw9FFCJXd6B6vqt7hKveDWeAJ5dFU"])
    expires_in: int = Field(description="Seconds, in which it has to be used.", examples=[30])


class Jwk(BaseModel):
    """A public key, as RFC 7517 has it; which fields it has depends on its kind."""

    model_config = ConfigDict(extra="allow")

    kty: str = Field(examples=["EC"])
    kid: str
    alg: str = Field(examples=["ES256"])


class JwksOut(BaseModel):
    keys: list[Jwk]


class UserChangeIn(In):
    """What is left out stays."""

    role: Role | None = Field(default=None, examples=["user"])
    scopes: list[Scope] | None = Field(default=None, max_length=4)
    is_disabled: StrictBool | None = None


class RateIn(In):
    rate: int | None = Field(
        ge=1, le=1_000_000, description="Requests a minute; null: the user's.", examples=[3000]
    )


class AuditOut(Out):
    id: UUID
    at: Time
    actor: UUID | None
    action: str = Field(examples=["login"])
    target: str | None
    outcome: str = Field(examples=["done"])
    address: str
    agent: str
    request_id: str


class ExportedChartOut(Out):
    """A chart; its content is at `GET /api/v1/charts/{id}`."""

    id: UUID
    name: str | None
    title: str
    created_at: float
    updated_at: float


class ExportedLayoutOut(Out):
    """A layout; its content is at `GET /udf-storage/1.1/charts?chart={id}`."""

    id: UUID
    name: str
    client: str
    namespace: str
    symbol: str
    resolution: str
    saved_at: float


class ExportedWatchlistOut(Out):
    """A watchlist; what is on it is at `GET /api/v1/watchlists/{id}`."""

    id: UUID
    name: str
    created_at: float
    updated_at: float


class ExportedFavouriteOut(Out):
    symbol: str
    added_at: float


class ExportedSearchOut(Out):
    query: str
    searched_at: float


class ExportedAlertOut(Out):
    id: UUID
    symbol: str
    conditions: list[dict[str, Any]]
    match: str
    is_repeating: bool
    cool_down: float
    expires_at: float | None
    note: str
    channels: list[str]
    status: str
    fired_count: int
    fired_at: float | None
    fired_price: float | None
    created_at: float
    updated_at: float


class ExportedWebhookOut(Out):
    """A webhook without its secret; what was sent is at `GET /api/v1/webhooks/{id}/deliveries`."""

    id: UUID
    url: str
    description: str
    types: list[str] | None
    disabled_at: float | None
    created_at: float
    updated_at: float


class ExportedPushSubscriptionOut(Out):
    """A browser that notifications are pushed to, by the host of its push service."""

    id: UUID
    host: str
    created_at: float
    updated_at: float


class ExportedNotificationOut(Out):
    type: str
    title: str
    text: str
    data: dict[str, Any]
    time: float
    created_at: float
    read_at: float | None


class ExportedPreferencesOut(Out):
    """What `PUT /api/v1/notifications/preferences` was sent; times of day are minutes."""

    time_zone: str
    quiet_from: int | None
    quiet_to: int | None
    channels: list[str]
    mail: bool
    digest_minute: int | None


class ExportedJobOut(Out):
    """What you had done in the background."""

    id: UUID
    name: str
    subject: str
    status: str
    created_at: float
    finished_at: float | None


class ExportOut(Out):
    user: UserOut
    sessions: list[LoginOut]
    api_keys: list[ApiKeyOut]
    path_tokens: list[PathTokenOut]
    audit: list[AuditOut] = Field(description="What you did; the newest 10,000.")
    charts: list[ExportedChartOut]
    layouts: list[ExportedLayoutOut] = Field(description="What TradingView's charts have saved.")
    watchlists: list[ExportedWatchlistOut]
    favourites: list[ExportedFavouriteOut]
    searches: list[ExportedSearchOut]
    alerts: list[ExportedAlertOut]
    webhooks: list[ExportedWebhookOut]
    push_subscriptions: list[ExportedPushSubscriptionOut]
    notifications: list[ExportedNotificationOut]
    notification_preferences: list[ExportedPreferencesOut] = Field(
        description="None where nothing was chosen."
    )
    jobs: list[ExportedJobOut] = Field(description="Until 7 days after their end.")
