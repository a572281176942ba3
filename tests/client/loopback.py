"""A server on the network whose answers are those of a function, and whose connections break."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Answering = Callable[[httpx.Request], httpx.Response]


class LoopbackServer:
    """Answers on a port of its own, which it keeps over `stop` and `start`.

    Attributes:
        cuts: after so many bytes of their bodies the next requests with one lose the connection.
        bodies: the bodies that arrived whole.
    """

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.cuts: list[int | None] = []
        self.bodies: list[bytes] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._http = _Http(self.port, self)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Vanish, as a process that is killed."""
        self._http.shutdown()
        self._thread.join()
        self._http.cut_all()
        self._http.server_close()

    def __enter__(self) -> "LoopbackServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Http(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, port: int, owner: LoopbackServer) -> None:
        self.owner = owner
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def cut_all(self) -> None:
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # broken connections are what this is for


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def handle_request(self) -> None:
        owner = self.server.owner
        body = self._body(owner)
        if body is None:
            self._cut()
            return
        if body:
            owner.bodies.append(body)
        url = owner.url + self.path
        request = httpx.Request(self.command, url, headers=dict(self.headers), content=body)
        try:
            self._send(owner.answer(request))
        except httpx.TransportError:
            self._cut()

    do_GET = do_POST = do_DELETE = handle_request  # noqa: N815

    def _body(self, owner: LoopbackServer) -> bytes | None:
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        if not chunked and "Content-Length" not in self.headers:
            return b""
        cut = owner.cuts.pop(0) if owner.cuts else None
        if not chunked:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length if cut is None else min(cut, length))
            return body if cut is None else None
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
            if cut is not None and len(body) > cut:
                return None
        self.rfile.readline()
        return body

    def _send(self, response: httpx.Response) -> None:
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        assert isinstance(response.stream, httpx.SyncByteStream)
        for portion in response.stream:
            if portion:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(portion), portion))
        self.wfile.write(b"0\r\n\r\n")

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        pass
