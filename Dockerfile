# Tags, not digests: name your own with --build-arg PYTHON_IMAGE=python:3.13-slim-trixie@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim-trixie
ARG UV_IMAGE=ghcr.io/astral-sh/uv:0.13.9

FROM ${UV_IMAGE} AS uv

FROM ${PYTHON_IMAGE} AS builder
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_PROJECT_ENVIRONMENT=/opt/tradeapi \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /build
# What is locked changes less often than what is ours, and so has a layer of its own.
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --no-dev --no-install-project
COPY README.md LICENSE ./
COPY alembic alembic
COPY src src
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --no-dev --no-editable

# PostgreSQL signs its packages with a key that Debian vouches for. Neither of them keeps old
# versions that one could ask for.
FROM ${PYTHON_IMAGE} AS postgresql
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-common \
    && rm -rf /var/lib/apt/lists/*

FROM ${PYTHON_IMAGE}
# pg_dump reads no server that is newer than itself, and Debian's is a year older than PostgreSQL's.
ARG POSTGRESQL_CLIENT=18
COPY --from=postgresql /usr/share/postgresql-common/pgdg/apt.postgresql.org.asc \
    /usr/share/keyrings/postgresql.asc
# hadolint ignore=DL3008
RUN codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release) \
    && repository=https://apt.postgresql.org/pub/repos/apt \
    && echo "deb [signed-by=/usr/share/keyrings/postgresql.asc] $repository $codename-pgdg main" \
        >/etc/apt/sources.list.d/postgresql.list \
    && apt-get update \
    && apt-get install --yes --no-install-recommends "postgresql-client-$POSTGRESQL_CLIENT" \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 tradeapi \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent tradeapi \
    && install --directory --owner=10001 --group=10001 /backups
COPY --from=builder /opt/tradeapi /opt/tradeapi
ENV PATH=/opt/tradeapi/bin:$PATH \
    HOME=/tmp \
    HOST=0.0.0.0 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
# Everything but /tmp and /backups may be read-only.
WORKDIR /srv
EXPOSE 8000 9000
STOPSIGNAL SIGTERM
# Every process that serves the metrics says there that it is alive, workers too.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=2s --retries=3 \
    CMD ["python", "-c", "import http.client, os; connection = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('METRICS_PORT') or os.environ.get('PORT') or 8000), timeout=4); connection.request('GET', '/health'); raise SystemExit(connection.getresponse().status != 200)"]
ENTRYPOINT ["tradeapi"]
CMD ["serve"]
# Last, since they change with every build.
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title=tradeapi \
    org.opencontainers.image.description="Market-data backend for chart and trading front ends" \
    org.opencontainers.image.licenses=MIT \
    org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.revision=$REVISION \
    org.opencontainers.image.created=$CREATED
