"""Webhooks over a socket, to a receiver whose answer does not end."""

import asyncio
import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from relaxd.service.webhooks._notices import BACKOFF, Notifier

from ..store.doubles import Store
from .doubles import SECRET, documented_check, ended_job, is_due_again, is_told, until

pytestmark = pytest.mark.anyio


class Endless(http.server.BaseHTTPRequestHandler):
    """Takes a notice, and answers with a body that does not end."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.received.append((dict(self.headers), self.rfile.read(length)))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x" * 65536)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def endless() -> Iterator[Any]:
    """An HTTP server on the loopback address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    server.received = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


async def test_over_a_socket(store: Store, endless: Any) -> None:
    url = f"http://localhost:{endless.server_port}/hook"
    job_id = ended_job(store, url)
    notifier = Notifier(store.webhooks, store.jobs, allow_private=True, poll=0.01)
    task = asyncio.create_task(notifier.run())
    await until(is_told(store, job_id))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ((headers, body),) = endless.received
    assert headers["Host"] == f"localhost:{endless.server_port}"
    assert json.loads(body)["state"] == "succeeded"
    assert documented_check()(headers, body, SECRET)


async def test_loopback_is_refused_unless_allowed(store: Store, endless: Any) -> None:
    job_id = ended_job(store, f"http://127.0.0.1:{endless.server_port}/hook")
    notifier = Notifier(store.webhooks, store.jobs, allow_private=False, poll=0.01)
    task = asyncio.create_task(notifier.run())
    await until(is_due_again(store, job_id, BACKOFF[0]))
    task.cancel()
    assert endless.received == []
