"""What the body of a request says that it is."""

from fastapi import Request

from tradeapi.errors import UnsupportedMedia


def media_type_of(request: Request) -> str:
    """Without parameters such as `charset`; empty where nothing is said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_media_type(request: Request, wanted: str) -> None:
    """Raises UnsupportedMedia for any other."""
    if media_type_of(request) != wanted:
        raise UnsupportedMedia(f"The body has to be {wanted}, and Content-Type to say so.")
