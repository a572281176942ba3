"""The page: one HTML file at `/`, and what it needs below `/static/`."""

from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from relaxd.service._problems import ProblemError
from relaxd.service.access import OPEN_FOLDER

FOLDER = Path(__file__).parent / "page"

VENDOR = FOLDER / "vendor"
"""Libraries of others, put there when relaxd is built."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What the page may do: run and show its own files, and call this server."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # asked for again with its ETag, so an upgrade is seen at once
}


def add_page(app: FastAPI) -> None:
    """Serve the page and its files."""
    files = GZipMiddleware(_Files(directory=FOLDER))
    app.mount(OPEN_FOLDER.rstrip("/"), files, name="static")
    app.add_api_route("/", page, methods=["GET", "HEAD"], include_in_schema=False)


async def page(request: Request) -> Response:
    """Return the page."""
    if not VENDOR.is_dir():
        detail = "The page was not built into this installation; `make page` builds it."
        raise ProblemError("resource", "no-page", detail)
    return FileResponse(FOLDER / "index.html", headers=HEADERS)


class _Files(StaticFiles):
    """Files with the headers of the page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await super().__call__(scope, receive, with_headers)
