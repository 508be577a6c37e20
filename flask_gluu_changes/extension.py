"""GluuChanges: what a host application registers."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Flask
from flask_smorest import Api

from .backend import Backend
from .configuration import refuse_unknown
from .errors import ConfigurationError
from .feed import Feed
from .ldap_settings import LdapSettings
from .settings import Settings
from .views import create_blueprint
from .visibility import Visibility
from .walks import Walks

log = logging.getLogger(__name__)

EXTENSION = "gluu_changes"

SETTINGS = (Settings, LdapSettings)
"""Every class that declares keys; a key that none of them knows is refused."""


@dataclass(frozen=True)
class State:
    """What one application has registered, under `app.extensions["gluu_changes"]`."""

    settings: Settings
    feed: Feed


class GluuChanges:
    """Gives a Flask application Gluu's UpdatedUsers operation.

    Pass the application here or to `init_app`; all state is the application's own.
    """

    def __init__(
        self, app: Flask | None = None, *, backend: Backend | None = None, api: Api | None = None
    ) -> None:
        if app is not None:
            if backend is None:
                raise ConfigurationError(
                    "GluuChanges(app) needs a backend: GluuChanges(app, backend=…)"
                )
            self.init_app(app, backend=backend, api=api)

    def init_app(self, app: Flask, *, backend: Backend, api: Api | None = None) -> None:
        """Register the operation and its documents on an application.

        backend: where people are found. api: the host's own flask-smorest Api, if it has one that
        should document the operation. Raises ConfigurationError for settings that cannot hold.
        """
        if EXTENSION in app.extensions:
            raise ConfigurationError(
                "GluuChanges is already registered on this app; call init_app once for each app"
            )
        refuse_unknown(app.config, SETTINGS)
        settings = Settings.load(app.config)
        _check_protection(app, settings)
        feed = _feed(settings, backend)
        app.extensions[EXTENSION] = State(settings, feed)
        (api or app).register_blueprint(create_blueprint(settings, feed))


def _feed(settings: Settings, backend: Backend) -> Feed:
    return Feed(
        backend,
        walks=Walks(seconds=settings.walk_seconds, limit=settings.max_walks),
        time_attributes=settings.time_attributes or (),
        visibility=Visibility.of(settings.allowed_attributes, settings.denied_attributes),
        configured_type=settings.type_of,
    )


def _check_protection(app: Flask, settings: Settings) -> None:
    if settings.protection is None:
        raise ConfigurationError("GLUU_CHANGES_PROTECTION is missing; set it to bypass")
    if app.debug or app.testing:
        return
    if not settings.allow_bypass:
        raise ConfigurationError(
            "GLUU_CHANGES_PROTECTION is bypass, which lets everybody read every person; if that is"
            " meant, set GLUU_CHANGES_ALLOW_BYPASS to true as well"
        )
    log.warning("GLUU_CHANGES_PROTECTION is bypass: everybody can read every person")
