"""A web server on this machine that can misbehave on request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Answers every request by calling `answer`, and records the requested paths."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: handler.send_error(404)
        self.released = threading.Event()
        self.agents: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                outer.agents.append(self.headers.get("User-Agent"))
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def serve(self, body: bytes, *, length: int | None = None) -> None:
        """Answer with these bytes, announcing `length` if given."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body) if length is None else length))
            handler.end_headers()
            handler.wfile.write(body)

        self.answer = answer

    def serve_without_end(self) -> None:
        """Answer with zeros until the client leaves or `released` is set."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            try:
                while not self.released.is_set():
                    handler.wfile.write(bytes(2**16))
            except OSError:
                pass

        self.answer = answer
