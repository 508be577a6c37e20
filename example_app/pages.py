"""The host's own page: what is served here, and how to ask for it."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template, request

from . import sample

pages = Blueprint("pages", __name__)


@pages.get("/")
def index() -> str:
    """Show the sample request and the documents."""
    return render_template(
        "index.html",
        store=_store(),
        sample=sample.path(),
        curl=f"curl '{request.host_url.rstrip('/')}{sample.path()}'",
        documents=sample.documents(),
    )


def _store() -> str:
    """Name what is served, without a word that an operator may want to keep."""
    if current_app.config.get("GLUU_CHANGES_LDAP_URI"):
        return "an LDAP directory"
    backend = current_app.extensions["gluu_changes"].feed.backend
    return f"an embedded set of {len(backend.entries)} people"
