"""What is kept in the memory of this process, and how often it was of use, for admins."""

import os
import socket
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel, Field

from tradeapi.metrics import CACHE_BYTES, CACHE_ENTRIES, CACHE_HITS, CACHE_MISSES
from tradeapi.web.principal import NEEDS_ADMIN

router = APIRouter(tags=["admin"])


class CacheOut(BaseModel):
    name: str = Field(
        description="As the label `cache` of the metrics has it.", examples=["indices"]
    )
    hits: int = Field(examples=[970])
    misses: int = Field(examples=[30])
    hit_ratio: float | None = Field(
        description="Null: nobody has asked it for anything.", examples=[0.97]
    )
    entries: int | None = Field(description="Null: it does not count them.", examples=[30])
    bytes: int | None = Field(description="Null: it does not know.", examples=[1_310_720])


class CachesOut(BaseModel):
    host: str = Field(examples=["api-0"])
    process: int = Field(description="Its number there.", examples=[1])
    caches: list[CacheOut]


@router.get(
    "/admin/cache",
    summary="The caches of one process",
    dependencies=[NEEDS_ADMIN],
    response_model=CachesOut,
)
async def cache() -> Mapping[str, Any]:
    """Of the process that answers, since it has begun: each has its own. The metrics have the sums
    of all that share a folder for them.
    """
    misses, entries, bytes = map(_by_cache, (CACHE_MISSES, CACHE_ENTRIES, CACHE_BYTES))
    found = [
        {
            "name": name,
            "hits": hits,
            "misses": misses[name],
            "hit_ratio": hits / (hits + misses[name]) if hits + misses[name] else None,
            "entries": entries.get(name),
            "bytes": bytes.get(name),
        }
        for name, hits in sorted(_by_cache(CACHE_HITS).items())
    ]
    return {"host": socket.gethostname(), "process": os.getpid(), "caches": found}


def _by_cache(metric: MetricWrapperBase) -> dict[str, int]:
    """What this process has counted, whatever others have."""
    return {
        sample.labels["cache"]: int(sample.value)
        for family in metric.collect()
        for sample in family.samples
    }
