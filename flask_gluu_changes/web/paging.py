"""Paging sessions of a server: which workers share them, and which client a request is from."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from flask import Flask, Response, has_request_context, request

from ..backend import Backend
from ..feed.folder_store import FolderStore
from ..feed.folders import application_folder, delete_left, prepare_folder
from ..feed.page_request import Traits
from ..feed.private_store import PrivateStore
from ..feed.snapshot import Page
from ..feed.stores import SessionStore
from ..forks import process_tag
from ..settings.base import Settings
from ..timestamps import to_micros
from ..wsgi import is_one_of_several

log = logging.getLogger(__name__)

HEADER = "Paging-Session"

COOKIE = "gluu_changes_paging_"
"""What the name of a session's cookie begins with; the time that was asked for follows."""

SENT_BY_CLIENTS = ("Authorization", "User-Agent", "X-Forwarded-For", "Forwarded")
"""Headers that are the same for all requests of one client, or nearly."""

_PLAIN = (str, bytes, int, float, bool, type(None), Path)

_numbers = count()


class StoreFinder:
    """Finds out where an application's paging sessions are kept, at the first that needs it.

    They are shared by all processes of this user on this host that serve the same store under the
    same settings, as far as the backend names its store. Else they are shared by the workers of one
    server, which were all started with the same code.
    """

    def __init__(self, app: Flask, settings: Settings, backend: Backend) -> None:
        self._folder = prepare_folder(settings.paging_folder)
        self._store = backend.store_name()
        self._identity = "\n".join(
            (
                f"{type(backend).__module__}.{type(backend).__qualname__}",
                self._store or _of_this_server(app, backend),
                settings.digest,
            )
        )

    def __call__(self) -> SessionStore:
        """Return the store for the server that answers the current request, if there is one."""
        if self._folder is None:
            return PrivateStore()
        server = self._store or (_server(request.environ) if has_request_context() else "")
        if not server:
            return PrivateStore()
        delete_left(self._folder)
        return FolderStore(application_folder(self._folder, f"{self._identity}\n{server}"))


def find_traits(since: datetime) -> Traits:
    """Return what tells the client of the current request apart from others of its address."""
    others = "\n".join(request.headers.get(name, "") for name in SENT_BY_CLIENTS)
    return Traits(_sent(since), others)


def tell_session(response: Response, page: Page, start: int, seconds: float) -> None:
    """Give the client its session's name, and say so where a later page begins a new one.

    start: the offset of the page. seconds: how long the session is kept.
    """
    if not (page.session or page.is_restarted or "HTTP_COOKIE" in request.environ):
        return  # as most polls are answered
    if page.is_restarted:
        log.warning("the paging session is gone that a page at start=%d continues", start)
        response.headers[HEADER] = "restarted"
    if start and not page.is_restarted:
        return
    name, path = _cookie(page.since), f"{request.root_path}{request.path}"
    options: dict[str, Any] = {
        "path": path,
        "secure": request.is_secure,
        "httponly": True,
        "samesite": "Strict",
    }
    if page.session:
        response.set_cookie(name, page.session, max_age=int(seconds), **options)
    elif _sent(page.since):
        response.delete_cookie(name, **options)


def _sent(since: datetime) -> str:
    # most clients send no cookies, and need not wait until they are parsed
    return request.cookies.get(_cookie(since), "") if "HTTP_COOKIE" in request.environ else ""


def _cookie(since: datetime) -> str:
    return f"{COOKIE}{to_micros(since)}"


def _server(environ: Mapping[str, Any]) -> str:
    """Name the server that this process is a worker of; empty where it is all of it."""
    return process_tag(os.getppid()) if is_one_of_several(environ) else ""


def _of_this_server(app: Flask, backend: Backend) -> str:
    """Return what tells an application apart from others that are served by the same processes."""
    return repr(
        (
            next(_numbers),
            app.import_name,
            app.root_path,
            _plain(app.config.items()),
            _plain(vars(backend).items()),
        )
    )


def _plain(items: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Return the items whose values look the same in each process."""
    return sorted((name, repr(value)) for name, value in items if isinstance(value, _PLAIN))
