"""The people page: the embedded people can be searched, added, edited and deleted."""

from __future__ import annotations

from dataclasses import asdict
from random import SystemRandom
from typing import Any, TypeAlias

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from . import forms
from .activity import simulate_day
from .guard import guarded, refuse_unless_open
from .served import description, embedded_people
from .store import PeopleStore, UidTaken
from .tables import Row

people_pages = guarded(Blueprint("people", __name__, url_prefix="/people"))
people_pages.before_request(refuse_unless_open)

Answer: TypeAlias = str | Response | Redirect | tuple[str, int]


@people_pages.get("/")
def index() -> str:
    """List people, a page at a time; people of other stores cannot be changed here."""
    store = embedded_people()
    if store is None:
        return render_template("read_only.html", store=description())
    text = request.args.get("q", "").strip()
    found = store.find(text, max(1, request.args.get("page", 1, _page_number)))
    return render_template(
        "people.html", found=found, text=text, created=store.layout.created, everybody=store.count()
    )


@people_pages.route("/new", methods=["GET", "POST"])
def new() -> Answer:
    """Add a person."""
    store = _store()
    form = forms.read(request.form) if request.method == "POST" else forms.PersonForm()
    if form.row and not form.errors:
        try:
            store.add(form.row)
            return redirect(url_for(".index", done="added", q=form.row["uid"]))
        except UidTaken:
            form.errors["uid"] = "Somebody has this uid. Choose another one."
    return render_template("person.html", form=form, person=None), 422 if form.errors else 200


@people_pages.route("/<inum>", methods=["GET", "POST"])
def edit(inum: str) -> Answer:
    """Change a person."""
    store, person = _store(), _person(inum)
    sent = request.method == "POST"
    form = forms.read(request.form) if sent else forms.filled_from(person)
    if form.row and not form.errors:
        try:
            store.edit(inum, form.row)
            return redirect(url_for(".index", done="saved", q=form.row["uid"]))
        except UidTaken:
            form.errors["uid"] = "Somebody else has this uid. Choose another one."
    return render_template("person.html", form=form, person=person), 422 if form.errors else 200


@people_pages.route("/<inum>/delete", methods=["GET", "POST"])
def delete(inum: str) -> Answer:
    """Delete a person, after a confirmation."""
    person = _person(inum)
    if request.method == "GET":
        return render_template("delete.html", person=person)
    _store().delete(inum)
    return redirect(url_for(".index", done="deleted"))


@people_pages.post("/day")
def day() -> Answer:
    """Simulate a day of activity, and go back to the page of the button."""
    done = simulate_day(_store(), SystemRandom())
    numbers: dict[str, Any] = {"day": 1, **asdict(done)}
    if "since" in request.form:
        return redirect(url_for("pages.changes", since=request.form["since"], **numbers))
    return redirect(url_for(".index", **numbers))


def _page_number(text: str) -> int:
    """Return a page's number; larger ones would not fit into the database's integer."""
    return min(int(text), 10**9)


def _store() -> PeopleStore:
    return embedded_people() or abort(404, "These people are kept elsewhere; change them there.")


def _person(inum: str) -> Row:
    return _store().get(inum) or abort(404, "This person is not here (any more).")
