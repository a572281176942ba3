"""What happens to every request: it is numbered, counted, timed, and bounded in size."""

import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relaxd.service._metrics import Metrics
from relaxd.service._problems import ProblemError

REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
"""Request ids of callers that are echoed; any other is replaced, to keep logs and headers safe."""

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Methods with a label of their own: a caller may make up any others, without end."""


class Observe:
    """Gives each request an id, echoed as `X-Request-Id`, and measures it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500
        scope["request_id"] = request_id = _request_id(Headers(scope=scope))

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            seconds = time.perf_counter() - start
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.observe_request(method, _route(scope), status, seconds)


class BodyLimit:
    """Refuses a body that is too large, as announced or as it arrives.

    Args:
        app: the application.
        max_bytes: of any body.
        streamed: of those to these paths, which are never held in memory.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, streamed: Mapping[str, int]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("Content-Length", "")
        most = self._streamed.get(scope["path"], self._max_bytes)
        received = 0

        async def bounded() -> Message:
            nonlocal received
            _check(int(announced) if announced.isdecimal() else 0, most)
            message = await receive()
            received += len(message.get("body", b""))
            _check(received, most)
            return message

        await self._app(scope, bounded, send)


def _check(n_bytes: int, most: int) -> None:
    if n_bytes > most:
        detail = f"The body is larger than {most} bytes."
        # The rest of the body is not read, so the connection cannot be used again.
        raise ProblemError("limit", "body-too-large", detail, headers={"Connection": "close"})


def _request_id(headers: Headers) -> str:
    given = headers.get("X-Request-Id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """Return the path as it is declared: one label for all that match it."""
    route: Any = scope.get("route")
    return getattr(route, "path", "unmatched")
