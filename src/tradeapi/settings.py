"""The settings: read once from the environment (and `.env`), checked, and frozen."""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tradeapi.connections import FEWEST, MOST
from tradeapi.errors import NotStarted

DEVELOPMENT_SECRET = "development-only-secret-change-me-before-you-deploy"  # noqa: S105
SHORTEST_SECRET_BYTES = 32


class Environment(StrEnum):
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


def _is_development(data: Mapping[str, object]) -> bool:
    return data.get("environment") is Environment.DEVELOPMENT


class Role(StrEnum):
    """What a process does beside answering callers."""

    FEED = "feed"
    ALERTS = "alerts"
    INDICES = "indices"
    JOBS = "jobs"


class SettingsError(NotStarted):
    """What is wrong with the settings, one line per variable."""


class Settings(BaseSettings):
    """`environment` comes first: what the others may be depends on it."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,
        validate_default=True,
    )

    environment: Environment = Field(
        default=Environment.DEVELOPMENT,
        description="Where this runs: development, staging or production. Production refuses a "
        "default or short secret, SQLite, debug, the demo market, open access and wildcard CORS.",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(DEVELOPMENT_SECRET),
        description="Signs what clients hand back to us: access tokens, API keys, list cursors. At "
        "least 32 bytes; make one with: openssl rand -base64 48",
    )
    previous_secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Secrets that SECRET_KEY had before, separated by commas: what they signed "
        "stays good while they are listed, so that nobody is logged out.",
    )
    jwt_private_key: SecretStr | None = Field(
        default=None,
        description="A private key in PEM form, or the path of a file with one: P-256 signs "
        "access tokens with ES256, RSA with RS256, and those that SECRET_KEY signed are no longer "
        "good. Without one SECRET_KEY signs with HS256.",
    )
    jwt_previous_keys: SecretStr | None = Field(
        default=None,
        description="Keys that JWT_PRIVATE_KEY had before, private or public, one PEM block after "
        "the other, or the path of a file with them.",
    )
    database_url: str = Field(
        default="sqlite:///.data/tradeapi.db",
        repr=False,  # it may hold a password
        description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.",
    )
    database_connections: int = Field(
        default=MOST,
        ge=FEWEST,
        description="The most connections of this process to PostgreSQL.",
    )
    database_replica_url: SecretStr | None = Field(
        default=None,
        description="A standby of that PostgreSQL, which then answers for history. It is a second "
        "server: as many connections as a quarter of DATABASE_CONNECTIONS go there.",
    )
    database_replica_lag_seconds: float = Field(
        default=5,
        gt=0,
        le=300,
        description="How far the standby may be behind and still be asked.",
    )
    backup_location: str = Field(
        default=".data/backups",
        description="Where backups of the database are kept: a folder, or s3://BUCKET/PREFIX with "
        "the variables of AWS (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, "
        "AWS_ENDPOINT_URL). One place for each database.",
    )
    backup_recipients: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Public keys of age (age1...), separated by commas, to which backups are "
        "encrypted. Empty: they are not.",
    )
    backup_identity: SecretStr | None = Field(
        default=None,
        description="The secret key of age (AGE-SECRET-KEY-1...) that encrypted backups are read "
        "with, or the path of a file with it. Making them does not need it.",
    )
    backup_scratch_url: SecretStr | None = Field(
        default=None,
        description="A server like that of DATABASE_URL, on which backups are restored for proof "
        "instead: postgresql://USER:PASSWORD@HOST/NAME.",
    )
    backup_keep_daily: int = Field(
        default=7, ge=0, description="Of how many days the newest backup stays."
    )
    backup_keep_weekly: int = Field(default=4, ge=0, description="Of how many weeks.")
    backup_keep_monthly: int = Field(default=12, ge=0, description="Of how many months.")
    backup_schedule: str = Field(
        default="",
        description="When backups are made, and those removed that need not stay: five fields of "
        "cron in UTC, such as 0 3 * * *. Processes with the role jobs do it. Empty: never.",
    )
    backup_drill_schedule: str = Field(
        default="",
        description="When the latest backup is restored for proof, in the same form. It needs "
        "BACKUP_IDENTITY where backups are encrypted.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="redis://:PASSWORD@HOST:PORT/NUMBER, where processes tell each other what has "
        "changed and count rate limits together. Without it each does so for itself. "
        "?cluster=true says that it is a Redis Cluster.",
    )
    auth_required: bool = Field(
        default_factory=lambda data: not _is_development(data),
        validation_alias=AliasChoices("auth_required", "enable_auth"),
        description="Whether callers must say who they are. Without, and only in development, who "
        "does not is the user dev, who may do everything. Default: false in development, else "
        "true. Also read as ENABLE_AUTH.",
    )
    public_read: bool = Field(
        default=False,
        description="Let anybody read symbols, bars and quotes, also with TradingView's charts, at "
        "the limits of anonymous callers.",
    )
    registration_open: bool = Field(
        default=True, description="Whether anybody may make an account, or operators only."
    )
    debug: bool = Field(
        default=False, description="Tell callers the exception behind a 500; not for production."
    )
    demo: bool = Field(
        default_factory=_is_development,
        description="Open the simulated exchange SIM. Default: true in development, else false.",
    )
    roles: Annotated[tuple[Role, ...], NoDecode] = Field(
        default=tuple(Role),
        description="What this process does beside answering callers, separated by commas: feed "
        "(the demo market), alerts and indices (their levels during sessions), whenever no other "
        "does, jobs (in the background). Empty: nothing.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Web origins that may call the API, separated by commas, such as "
        "https://charts.example.com. In development pages on this machine always may.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Host names under which we may be called, separated by commas; *.example.com "
        "stands for all below. Empty: any.",
    )
    force_https: bool = Field(
        default=False,
        description="Send callers over http to https, and have browsers remember it (HSTS).",
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(),
        description="Addresses or networks of our own proxies, separated by commas: only what "
        "they say of a caller in X-Forwarded-For and X-Forwarded-Proto is believed.",
    )
    access_token_expire_minutes: int = Field(
        default=15, ge=1, le=60, description="How long an access token is good."
    )
    refresh_token_expire_days: int = Field(
        default=14, ge=1, description="How long a login lasts that is not used."
    )
    session_expire_days: int = Field(
        default=90, ge=1, description="How long a login lasts at the most."
    )
    mail_url: SecretStr | None = Field(
        default_factory=lambda data: (
            SecretStr("folder:.data/mail") if _is_development(data) else None
        ),
        description="smtp://USER:PASSWORD@HOST:PORT, or the same with smtp+starttls:// or "
        "smtps://; folder:PATH writes mails to files. Without it passwords can't be reset by mail. "
        "Default: folder:.data/mail in development, else none.",
    )
    mail_from: str = Field(
        default="tradeapi <tradeapi@localhost>", description="The sender of mails."
    )
    app_url: str = Field(
        default="http://127.0.0.1:8000",
        pattern=r"^https?://[^\s]+$",
        description="Where the pages are that links in mails lead to: /verify-email, "
        "/reset-password and /mail-off, each with ?token=, /forgot-password and /notifications.",
    )
    api_key_header: str = Field(
        default="X-API-Key",
        pattern=r"^[A-Za-z0-9-]+$",
        description="The header in which callers send an API key.",
    )
    password_min_length: int = Field(
        default=8, ge=8, le=64, description="The fewest characters of a password."
    )
    argon2_memory_kib: int = Field(
        default=19456, ge=8, description="Memory that hashing a password takes."
    )
    argon2_time_cost: int = Field(
        default=2, ge=1, description="Passes over that memory; more take longer."
    )
    argon2_parallelism: int = Field(default=1, ge=1, description="Threads of one hashing.")
    rate_limit_per_minute: int = Field(
        default=60,
        ge=1,
        description="Requests a minute of an address whose caller is not known; also of the user "
        "dev.",
    )
    rate_limit_user_per_minute: int = Field(
        default=600,
        ge=1,
        description="Requests a minute of a user, with all API keys but those that have a rate of "
        "their own.",
    )
    rate_limit_history_per_minute: int = Field(
        default=30,
        ge=1,
        description="Of the requests of an address whose caller is not known, those for bars and "
        "points of charts.",
    )
    rate_limit_login_per_minute: int = Field(
        default=10, ge=1, description="Logins, registrations and the like a minute, by address."
    )
    rate_limit_heavy_per_minute: int = Field(
        default=10, ge=1, description="Exports a minute, by user or address."
    )
    rate_limit_ingest_per_minute: int = Field(
        default=1500,
        ge=1,
        description="Requests with bars, ticks or points to append a minute of those who may send "
        "bars, by user or address.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Where metrics and health are answered as well, at HOST and without a key: for "
        "a network that callers can't reach. Workers answer there only. 0 takes a free one; empty: "
        "nowhere.",
    )
    metrics_path: str = Field(
        default="/metrics",
        pattern=r"^/[A-Za-z0-9/_-]+$",
        description="Where Prometheus finds the metrics.",
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description="Where traces are sent by OTLP over HTTP, such as http://127.0.0.1:4318. "
        "Empty: there are none.",
    )
    otel_service_name: str = Field(
        default="tradeapi", description="What traces say that they are of."
    )
    otel_traces_sampler_arg: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Which part of all requests and jobs is traced.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe events that are logged; debug includes SQL."
    )
    drain_seconds: int = Field(
        default_factory=lambda data: 0 if _is_development(data) else 25,
        ge=0,
        description="How long a stopping process lets requests and sockets finish. "
        "Default: 0 in development, else 25.",
    )
    request_timeout_seconds: float = Field(
        default=30, gt=0, description="How long a request may take until its answer begins."
    )
    requests_in_flight: int = Field(
        default=64,
        ge=4,
        description="How many requests are worked on at once; others wait for a moment, and what "
        "is more than that is refused.",
    )
    max_body_bytes: int = Field(
        default=8 * 1024 * 1024,
        gt=0,
        description="The largest request body of bars, ticks or points of a chart that is read; "
        "others have 512 KiB.",
    )
    response_cache_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=0,
        description="How much memory answers with bars are kept in for whoever asks next, and a "
        "quarter as much again those about indices.",
    )
    points_cache_bytes: int = Field(
        default=32 * 1024 * 1024,
        ge=0,
        description="How much memory the JSON of points of charts is kept in.",
    )
    bar_lateness_seconds: float = Field(
        default=5,
        ge=0,
        description="How long after its end a bar stays open for late trades; a later one makes a "
        "revision.",
    )
    minute_retention_days: int = Field(
        default=0,
        ge=0,
        description="1-minute bars older than this are dropped, 64 days at a time; coarser bars "
        "stay. 0 keeps all.",
    )
    quote_stale_seconds: float = Field(
        default=120,
        gt=0,
        description="How old a price may be while its market is open, until it is called stale.",
    )
    websocket_ping_interval_seconds: float = Field(
        default=20, gt=0, description="How often a socket is pinged."
    )
    websocket_timeout_seconds: float = Field(
        default=10,
        gt=0,
        description="How long a client may take to answer a ping or to take what is sent to it "
        "until its socket is closed.",
    )
    websocket_compression: bool = Field(
        default=False,
        description="Whether frames are compressed for clients that offer it (permessage-deflate): "
        "a third of the bytes for three times the work and memory.",
    )
    websocket_connections: int = Field(
        default=10_000, gt=0, description="The most sockets one process serves."
    )
    websocket_connections_per_user: int = Field(
        default=50, gt=0, description="The most sockets of one user, or of one unknown address."
    )
    api_keys_per_user: int = Field(default=20, ge=0, description="The most API keys of one user.")
    path_tokens_per_user: int = Field(
        default=20, ge=0, description="The most path tokens of one user."
    )
    charts_per_user: int = Field(default=200, ge=0, description="The most charts of one user.")
    series_per_chart: int = Field(default=50, ge=0, description="The most series of one chart.")
    points_per_series: int = Field(
        default=1_000_000, ge=0, description="The most points that are pushed to one series."
    )
    points_per_user: int = Field(
        default=10_000_000, ge=0, description="The most points of all charts of one user together."
    )
    watchlists_per_user: int = Field(
        default=100, ge=0, description="The most watchlists of one user."
    )
    items_per_watchlist: int = Field(
        default=1000, ge=0, le=5000, description="The most items on one watchlist."
    )
    alerts_per_user: int = Field(default=1000, ge=0, description="The most alerts of one user.")
    webhooks_per_user: int = Field(default=10, ge=0, description="The most webhooks of one user.")
    push_subscriptions_per_user: int = Field(
        default=20, ge=0, description="The most browsers that one user's notifications go to."
    )
    outgoing_to_loopback: bool = Field(
        default=False,
        description="Let webhooks and pushed notifications go to this machine as well, on any "
        "port; for development.",
    )
    chunk_size_threshold: int = Field(
        default=500,
        ge=100,
        le=10_000,
        description="From how many points on a series is sent in part to front ends of "
        "lightweight-charts-pro, and in parts of what size.",
    )
    chart_ttl_hours: int = Field(
        default=24,
        ge=1,
        description="How long a chart of the user dev is kept after it was last asked for; those "
        "of users with an account are kept for good.",
    )
    cleanup_interval_minutes: int = Field(
        default=15, ge=1, description="How often charts that have expired are removed."
    )
    layouts_per_user: int = Field(
        default=100,
        ge=0,
        description="The most layouts that TradingView's charts save for one user, and the most "
        "templates.",
    )
    websocket_topics: int = Field(
        default=500, gt=0, description="The most topics one socket may follow."
    )
    websocket_frame_bytes: int = Field(
        default=64 * 1024, gt=0, description="The largest frame a client may send."
    )
    websocket_messages_per_second: int = Field(
        default=20, gt=0, description="How many frames a second a client may send."
    )
    websocket_message_burst: int = Field(
        default=60, gt=0, description="How many frames a client may send at once after a rest."
    )

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, variables: dict[str, object]) -> dict[str, object]:
        """An empty variable is as good as none; but no role is something to say."""
        return {name: value for name, value in variables.items() if value != "" or name == "roles"}

    @field_validator("secret_key")
    @classmethod
    def _long_and_own(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        value = secret.get_secret_value()
        if _is_production(info) and value == DEVELOPMENT_SECRET:
            raise ValueError("is the default that everybody knows; set your own")
        if _is_production(info) and len(value.encode()) < SHORTEST_SECRET_BYTES:
            raise ValueError(f"is shorter than {SHORTEST_SECRET_BYTES} bytes")
        return secret

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str, info: ValidationInfo) -> str:
        kind = _kind(url)
        if kind not in {"sqlite", "postgresql"}:
            raise ValueError("must begin with sqlite:// or postgresql://")
        if _is_production(info) and kind == "sqlite":
            raise ValueError("is SQLite, which serves one machine; use PostgreSQL")
        return _address(url)

    @field_validator("metrics_port")
    @classmethod
    def _own_port(cls, port: int | None, info: ValidationInfo) -> int | None:
        if port and port == info.data.get("port"):
            raise ValueError("is PORT; take another")
        return port

    @field_validator("database_replica_url", "backup_scratch_url")
    @classmethod
    def _second_server(cls, url: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if url is None:
            return None
        value = _address(url.get_secret_value())
        if _kind(value) != "postgresql":
            raise ValueError("must begin with postgresql://")
        if _kind(info.data.get("database_url", value)) != "postgresql":
            raise ValueError("is PostgreSQL, and DATABASE_URL is SQLite")
        return SecretStr(value)

    @field_validator("backup_location")
    @classmethod
    def _known_place(cls, location: str) -> str:
        if "://" in location and not location.startswith("s3://"):
            raise ValueError("must be a folder, or s3://BUCKET/PREFIX")
        return location

    @field_validator("backup_recipients")
    @classmethod
    def _public(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if any(not key.startswith("age1") for key in keys):
            raise ValueError("has one that is no public key of age, which begin with age1")
        return keys

    @field_validator("backup_schedule", "backup_drill_schedule")
    @classmethod
    def _cron(cls, expression: str) -> str:
        if expression:
            # Only those who have a schedule wait for it.
            from croniter import croniter  # noqa: PLC0415

            if len(expression.split()) != 5 or not croniter.is_valid(expression):
                raise ValueError("is no cron expression of five fields, such as 0 3 * * *")
        return expression

    @field_validator("previous_secret_keys")
    @classmethod
    def _long(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(
            len(secret.get_secret_value().encode()) < SHORTEST_SECRET_BYTES for secret in secrets
        ):
            raise ValueError(f"has one that is shorter than {SHORTEST_SECRET_BYTES} bytes")
        return secrets

    @field_validator("auth_required")
    @classmethod
    def _not_open(cls, required: bool, info: ValidationInfo) -> bool:
        if not required and info.data.get("environment") is not Environment.DEVELOPMENT:
            raise ValueError("lets everybody do everything; only development may be open")
        return required

    @field_validator("debug")
    @classmethod
    def _no_debug(cls, debug: bool, info: ValidationInfo) -> bool:
        if _is_production(info) and debug:
            raise ValueError("shows internals to callers; turn it off")
        return debug

    @field_validator("demo")
    @classmethod
    def _no_demo(cls, demo: bool, info: ValidationInfo) -> bool:
        if _is_production(info) and demo:
            raise ValueError("serves simulated prices; turn it off")
        return demo

    @field_validator("outgoing_to_loopback")
    @classmethod
    def _no_loopback(cls, loopback: bool, info: ValidationInfo) -> bool:
        if _is_production(info) and loopback:
            raise ValueError("lets users reach what listens on this machine only; turn it off")
        return loopback

    @field_validator(
        "cors_origins",
        "allowed_hosts",
        "trusted_proxies",
        "previous_secret_keys",
        "backup_recipients",
        "roles",
        mode="before",
    )
    @classmethod
    def _separated_by_commas(cls, list: object, info: ValidationInfo) -> object:
        if not isinstance(list, str):
            return list
        parts = tuple(part.strip() for part in list.split(",") if part.strip())
        return (
            tuple(part.rstrip("/") for part in parts)
            if info.field_name == "cors_origins"
            else parts
        )

    @field_validator("cors_origins")
    @classmethod
    def _no_wildcard(cls, origins: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if _is_production(info) and "*" in origins:
            raise ValueError("lets every site call with the user's credentials; name the origins")
        return origins


def load(**options: Any) -> Settings:  # noqa: ANN401  checked like the variables they replace
    """Read the settings; raises SettingsError that names every variable at fault."""
    try:
        return Settings(**options)
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, fault['loc'])).upper()}: "
            f"{fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_input=False)
            # A default that depends on a variable at fault is not at fault itself.
            if fault["type"] != "default_factory_not_called"
        ]
        message = "tradeapi does not start with these settings:\n" + "\n".join(lines)
        raise SettingsError(message) from error


def _kind(url: str) -> str:
    return _address(url).partition(":")[0].partition("+")[0]


def _address(url: str) -> str:
    # SQLAlchemy knows the second name only; hosting providers hand out the first.
    return url.replace("postgres://", "postgresql://", 1)


def _is_production(info: ValidationInfo) -> bool:
    return info.data.get("environment") is Environment.PRODUCTION
