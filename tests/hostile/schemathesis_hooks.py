"""What schemathesis can't know of itself: how to write NDJSON."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_: schemathesis.SerializationContext, value: object) -> bytes:
    """A text as it is, since that is what the document says it is."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="surrogatepass")
