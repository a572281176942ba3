"""What happens to every request: it is numbered, counted, timed, logged, and bounded in size."""

import logging
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relaxd.service._logging import logged_as
from relaxd.service._metrics import Metrics
from relaxd.service._problems import ProblemError

access_log = logging.getLogger("relaxd.access")
"""A line for each request, in place of uvicorn's, which would hold what is in the query."""

REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
"""Request ids of callers that are echoed; any other is replaced, to keep logs and headers safe."""

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Methods with a label of their own: a caller may make up any others, without end."""


WATCHED = ("/v1/health/", "/metrics")
"""Paths whose calls are logged at the level debug."""


class Observe:
    """Gives each request an id, echoed as `X-Request-Id`, measures and logs it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id = _request_id(Headers(scope=scope))
        with logged_as(request_id=request_id):
            await self._observe(scope, receive, send)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, status = time.perf_counter(), 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = scope["request_id"]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            seconds = time.perf_counter() - start
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.observe_request(method, _route(scope), status, seconds)
            if problem := scope.get("problem"):
                self._metrics.observe_problem(problem)
            _log(scope, method, status, seconds)


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


def _log(scope: Scope, method: str, status: int, seconds: float) -> None:
    """Log a request: nothing of its query, its headers or its body."""
    caller = scope.get("caller")
    said: dict[str, Any] = {
        "method": method,
        "path": quote(scope["path"]),  # as it was sent: a line end in it would forge a line here
        "status": status,
        "seconds": round(seconds, 6),
    }
    if caller is not None and caller.owner:
        said["key"] = caller.owner
    # Whoever looks after the server asks so often that it would hide everything else.
    level = logging.DEBUG if said["path"].startswith(WATCHED) else logging.INFO
    access_log.log(level, " ".join(map(str, said.values())), extra=said)


def _request_id(headers: Headers) -> str:
    given = headers.get("X-Request-Id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """Return the path as it is declared: one label for all that match it."""
    route: Any = scope.get("route")
    return getattr(route, "path", "unmatched")
