"""python -m example_app: serve the example on the loopback, and show how to ask it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from urllib.request import urlopen

from werkzeug.serving import BaseWSGIServer, make_server

from flask_gluu_changes import GluuChangesError

from . import create_app, sample

LOOPBACK = ("127.0.0.1", "::1", "localhost")


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
    _serve(server, f"http://{asked.host}:{asked.port}{sample.path_of(app)}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m example_app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    return parser.parse_args()


def _consent(host: str) -> dict[str, object]:
    """Whoever starts the demo on the loopback means to have it open there."""
    return {"GLUU_CHANGES_ALLOW_BYPASS": True} if host in LOOPBACK else {}


def _serve(server: BaseWSGIServer, url: str) -> None:
    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    threading.Thread(target=_show, args=(url,), daemon=True).start()
    server.serve_forever()
    server.server_close()


def _show(url: str) -> None:
    """Ask the sample request and print its answer, the first entry of it."""
    with urlopen(url) as answer:  # noqa: S310 - our own URL
        page = json.load(answer)
    first = {**page, "results": page["results"][:1]}
    more = len(page["results"]) - 1
    print(json.dumps(first, indent=2, ensure_ascii=False))
    print(f"… and {more} more. Ask it yourself:\n\n  curl '{url}'\n\nCtrl-C ends it.", flush=True)


def _complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
