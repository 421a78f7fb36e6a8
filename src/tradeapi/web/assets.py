"""What other pages load from here: files as they are, there is no build."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request, Response

from tradeapi.web.cache import is_known
from tradeapi.web.principal import FOR_EVERYBODY

router = APIRouter(prefix="/static", include_in_schema=False, dependencies=[FOR_EVERYBODY])

DATAFEED = (Path(__file__).parent / "static" / "datafeed.js").read_bytes()
ETAG = b'"%b"' % hashlib.sha256(DATAFEED).hexdigest()[:32].encode()


@router.get("/datafeed.js")
async def datafeed(request: Request) -> Response:
    headers = {
        "cache-control": "public, no-cache",
        # Weak, because it is the same for every coding.
        "etag": f"W/{ETAG.decode()}",
    }
    known = request.headers.get("if-none-match", "").encode()
    if is_known(ETAG, known):
        return Response(status_code=304, headers=headers)
    return Response(DATAFEED, headers=headers, media_type="text/javascript")
