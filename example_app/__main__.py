"""python -m example_app: serve the example on the loopback, and show how to ask it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from http.client import HTTPConnection, HTTPException
from typing import Any

from werkzeug.serving import BaseWSGIServer, make_server

from flask_gluu_changes import GluuChangesError

from . import create_app, sample

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PATIENCE = 60  # seconds to wait for the sample: a large directory may take its time


def main() -> int:
    """Serve until a signal comes; 1 when it cannot."""
    asked = _arguments()
    try:
        app = create_app(**_consent(asked.host))
        server = make_server(asked.host, asked.port, app, threaded=True)
    except GluuChangesError as error:
        return _complain(str(error))
    except (OSError, SystemExit):  # werkzeug has said that the port is in use
        return _complain(f"Port {asked.port} cannot be used; choose another one with --port.")
    _serve(server, sample.path_of(app))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m example_app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    return parser.parse_args()


def _consent(host: str) -> dict[str, object]:
    """Whoever starts the demo on the loopback means to have it open there."""
    return {"GLUU_CHANGES_ALLOW_BYPASS": True} if host in LOOPBACK else {}


def _serve(server: BaseWSGIServer, path: str) -> None:
    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    threading.Thread(target=_show, args=(server, path), daemon=True).start()
    server.serve_forever()
    server.server_close()


def _show(server: BaseWSGIServer, path: str) -> None:
    """Ask the sample request and print its answer, the first entry of it."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    print(_answer(server, path))
    print(
        f"Ask it yourself:\n\n  curl 'http://{host}:{server.port}{path}'\n\nCtrl-C ends it.",
        flush=True,
    )


def _answer(server: BaseWSGIServer, path: str) -> str:
    """Ask without a proxy; an error is an answer as well."""
    connection = HTTPConnection(server.host, server.port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return _shortened(json.load(connection.getresponse()))
    except (OSError, HTTPException, ValueError) as error:
        return f"There was no answer: {error}"
    finally:
        connection.close()


def _shortened(page: dict[str, Any]) -> str:
    """Write an answer with the first of its entries, in ASCII for every terminal."""
    results = page.get("results", [])
    first = {**page, "results": results[:1]} if results else page
    more = f"\n... and {len(results) - 1} more." if len(results) > 1 else ""
    return json.dumps(first, indent=2) + more


def _complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
