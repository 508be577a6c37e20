"""A Flask application behind a real socket on loopback, in a thread."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)


class Serving:
    """Serves until the end of the `with`; `stop` and `start` keep the port.

    tls: files of a certificate and of its key.
    """

    def __init__(self, app: Flask | None = None, tls: tuple[str, str] | None = None) -> None:
        self.app = app
        self.tls = tls
        self.port = 0
        self._server: BaseWSGIServer | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert self.app is not None
        self._server = make_server(
            "127.0.0.1", self.port, self.app, threaded=True, ssl_context=self.tls
        )
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
