"""Serves an application until SIGINT or SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable

from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server


def serve(app: Flask, host: str, port: int, show: Callable[[BaseWSGIServer], None]) -> int:
    """Serve, and call `show` once requests are answered; 1 when the port cannot be used."""
    try:
        server = make_server(host, port, app, threaded=True)
    except (OSError, SystemExit):  # werkzeug has said that the port is in use
        return complain(f"Port {port} cannot be used; choose another one with --port.")
    _end_on_signals(server)
    threading.Thread(target=show, args=(server,), daemon=True).start()
    server.serve_forever()
    server.server_close()
    return 0


def _end_on_signals(server: BaseWSGIServer) -> None:
    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def complain(sentence: str) -> int:
    """Print what is wrong, and return the exit code for it."""
    print(sentence, file=sys.stderr)
    return 1
