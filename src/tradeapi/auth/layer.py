"""The layer that finds out who calls, ahead of everything that depends on it."""

from starlette.types import ASGIApp, Receive, Scope, Send

from tradeapi.auth.authenticator import Authenticator
from tradeapi.web.principal import PRINCIPAL


class Identify:
    """Writes the principal into the scope; what callers may do is for routes and sockets to say."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            authenticator: Authenticator = scope["state"]["authenticator"]
            scope[PRINCIPAL] = authenticator.recognize(scope) or await authenticator.identify(scope)
        await self._app(scope, receive, send)
