"""The security headers of every page of the host, and which requests it accepts from browsers."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, abort, current_app, render_template, request
from werkzeug.exceptions import HTTPException

from flask_gluu_changes.settings.fields import names

LOOPBACK = ("127.0.0.1", "::1", "localhost")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""All is loaded from here (Content Security Policy, level 3): the pages need no internet."""


def guarded(blueprint: Blueprint) -> Blueprint:
    """Make a blueprint refuse forms of other sites, and send its pages with a strict policy."""
    blueprint.before_request(_refuse_other_sites)
    blueprint.after_request(_add_headers)
    blueprint.register_error_handler(HTTPException, _show)
    return blueprint


def trust_hosts(app: Flask) -> None:
    """Refuse requests to other hosts than `EXAMPLE_TRUSTED_HOSTS` names, if it names any.

    Where nobody is asked for a token, it names the loopback unless it is set, empty for any host:
    a site whose name is made to lead to the loopback (DNS rebinding) would else be read and written
    by its scripts as its own.
    """
    is_open = app.config["GLUU_CHANGES_PROTECTION"] == "bypass"
    app.config.setdefault("EXAMPLE_TRUSTED_HOSTS", LOOPBACK if is_open else ())

    @app.before_request
    def check() -> None:
        trusted = names(current_app.config["EXAMPLE_TRUSTED_HOSTS"])
        if trusted and _host_name() not in trusted:
            abort(
                400,
                f"This server answers to {', '.join(trusted)} alone."
                " FLASK_EXAMPLE_TRUSTED_HOSTS names others.",
            )


def _host_name() -> str | None:
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname
    except ValueError:
        return None


def refuse_unless_open() -> None:
    """Refuse pages that show people to everybody where the operation asks for a token.

    They know neither users nor passwords.
    """
    protection = current_app.extensions["gluu_changes"].protector.settings.protection
    if protection != "bypass" and not current_app.config.get("EXAMPLE_OPEN_PAGES"):
        abort(
            403,
            "The operation is protected here, and these pages are not. Set"
            " FLASK_EXAMPLE_OPEN_PAGES=true to show and edit people here all the same.",
        )


def _refuse_other_sites() -> None:
    """Accept changes from our own pages only, by what browsers say of a request's origin.

    That needs neither a session nor a secret. Programs say nothing and are let through: nobody can
    be tricked into starting one.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", request.host_url)
    same = site in ("same-origin", "none") if site else urlsplit(origin).netloc == request.host
    if not same:
        abort(403, "The form was sent from another site. Open the page here and try again.")


def _add_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
    return response


def _show(error: HTTPException) -> tuple[str, int]:
    return render_template("error.html", error=error), error.code or 500
