"""The host's other pages: what is served here, the changes, and the documentation to try out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files

from flask import Blueprint, Response, current_app, render_template, request, send_from_directory

from flask_gluu_changes.timestamps import parse_timestamp, to_instant

from . import sample
from .guard import guarded
from .served import description, embedded_people

pages = guarded(Blueprint("pages", __name__, static_folder="static", static_url_path="/static"))

PAGE_SIZE = 200
"""People in a request of the changes page: what Gluu's documentation recommends."""

AGO = {"An hour ago": timedelta(hours=1), "A day ago": timedelta(days=1)}


@pages.get("/")
def index() -> str:
    """Show the sample request and the documents."""
    return render_template(
        "index.html",
        store=description(),
        sample=sample.path(),
        curl=f"curl '{request.host_url.rstrip('/')}{sample.path()}'",
        documents=sample.documents(),
    )


@pages.get("/favicon.ico")
def favicon() -> Response:
    """Serve the icon, which browsers ask for at answers that are no pages, too."""
    return pages.send_static_file("icon.svg")


@pages.get("/changes")
def changes() -> str:
    """Show the changes since a time; a script polls the operation."""
    settings = current_app.extensions["gluu_changes"].settings
    since, error = _since(request.args.get("since", ""))
    return render_template(
        "changes.html",
        since=to_instant(since),
        error=error,
        page_size=min(PAGE_SIZE, settings.max_page_size),
        times=settings.time_attributes,
        ago={name: to_instant(datetime.now(UTC) - ago) for name, ago in AGO.items()},
        embedded=embedded_people() is not None,
    )


@pages.get("/docs")
def docs() -> str:
    """Show the operation's documentation, with a form to try it out."""
    return render_template("docs.html", openapi=sample.documents()[1])


@pages.get("/docs/<name>")
def asset(name: str) -> Response:
    """Serve a file of Swagger UI from its package."""
    with as_file(files("flask_swagger_ui") / "dist") as folder:
        return send_from_directory(folder, name, max_age=3600)


def _since(text: str) -> tuple[datetime, str]:
    """Read the chosen time, which is UTC as all times on the page, or take an hour ago."""
    default = (datetime.now(UTC) - AGO["An hour ago"]).replace(microsecond=0)
    try:
        return (parse_timestamp(text), "") if text else (default, "")
    except ValueError as error:
        return default, f"This time cannot be used: {error}."
