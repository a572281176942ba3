"""The door: every request passes here before any route, and is open to all only if listed."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from relaxd.service._problems import ProblemError, respond
from relaxd.service.access._access import Access, Caller
from relaxd.service.access._pages import check_host, check_site

OPEN_PATHS = frozenset({"/", "/v1/health/live", "/v1/health/ready"})
"""What anyone may read: the page, and whether the server is there."""

OPEN_FOLDER = "/static/"
"""Anyone may read what is below it: the page's files."""


class Guard:
    """Lets pass who may, and keeps in the scope who calls.

    Around the application rather than a dependency of its routes, so that no route, no page of
    the documentation and no mounted folder can be without it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._guard(scope, receive, send)
        else:  # no route takes websockets
            await send({"type": "websocket.close"})

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope["caller"] = await self._caller(scope)
        except ProblemError as error:
            await respond(Request(scope), error)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        if is_open(scope["method"], scope["path"]):
            return Caller()
        access: Access = scope["app"].state.access
        headers = Headers(scope=scope)
        address = scope["client"][0] if scope.get("client") else "nowhere"
        caller = await access.admit(headers.get("Authorization", ""), address)
        if not caller.owner:  # no page that a browser shows could send a key
            check_site(scope["method"], headers.get("Sec-Fetch-Site", ""))
            if not access.is_insecure:
                check_host(headers.get("Host", ""))
        return caller


def is_open(method: str, path: str) -> bool:
    """Tell whether anyone may make a call."""
    return method in ("GET", "HEAD") and (path in OPEN_PATHS or path.startswith(OPEN_FOLDER))
