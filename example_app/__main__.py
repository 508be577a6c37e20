"""python -m example_app: serve the example on the loopback, and show how to query it."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from flask_gluu_changes import GluuChangesError

from . import create_app, sample
from .guard import LOOPBACK
from .serving import complain, serve
from .showing import show_open, show_protected, url_of


def main() -> int:
    """Serve until a signal comes; 1 when it cannot."""
    arguments = _arguments()
    try:
        return _protected(arguments) if arguments.oauth else _open(arguments)
    except GluuChangesError as error:
        return complain(str(error))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m example_app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--oauth", action="store_true", help="ask for tokens of an authorization server, embedded"
    )
    return parser.parse_args()


def _open(arguments: argparse.Namespace) -> int:
    """Serve without protection: on the loopback, starting the demo is consent enough."""
    consent = {"GLUU_CHANGES_ALLOW_BYPASS": True} if arguments.host in LOOPBACK else {}
    app = create_app(**consent, **_on_loopback(arguments))
    return serve(app, arguments.host, arguments.port, partial(show_open, path=sample.path_of(app)))


def _on_loopback(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the settings of a demo that only this machine reaches, by names of its own."""
    if arguments.host not in LOOPBACK:
        return {}
    return {"EXAMPLE_TRUSTED_HOSTS": LOOPBACK, "EXAMPLE_OPEN_PAGES": True}


def _protected(arguments: argparse.Namespace) -> int:
    """Serve with protection, by the tokens of a canaille that runs as long as the demo."""
    try:
        from .authorization import DemoAuthorizationServer
    except ImportError:
        return complain("--oauth needs canaille: pip install 'flask-gluu-changes[demo-oauth]'")
    with DemoAuthorizationServer() as authorization:
        app = create_app(**authorization.settings(), **_on_loopback(arguments))
        path = sample.path_of(app)
        return serve(
            app,
            arguments.host,
            arguments.port,
            lambda server: show_protected(
                server,
                path,
                token=authorization.fetch_token(),
                curl_lines=authorization.curl_lines(f"{url_of(server)}{path}"),
            ),
        )


if __name__ == "__main__":
    sys.exit(main())
