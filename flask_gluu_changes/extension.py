"""GluuChanges: what a host application registers."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask
from flask_smorest import Api

from .backend import Backend
from .cli import create_group
from .errors import ConfigurationError
from .feed.feed import Feed
from .feed.sessions import PagingSessions
from .journal.protocol import SequenceBackend
from .model import Visibility
from .protection import Guard, ProtectionSettings, Protector
from .settings.backends import LdapSettings, SqlSettings
from .settings.base import Settings
from .settings.fields import refuse_unknown
from .settings.journal import FollowSettings, JournalSettings
from .web.blueprint import Served, create_blueprint
from .web.delta import DeltaEndpoint
from .web.openapi import add_security_schemes, version_of

EXTENSION = "gluu_changes"

SETTINGS = (
    Settings,
    LdapSettings,
    SqlSettings,
    ProtectionSettings,
    JournalSettings,
    FollowSettings,
)
"""Every class that declares keys; a key that none of them knows is refused."""


@dataclass(frozen=True)
class AppState:
    """What one application has registered, under `app.extensions["gluu_changes"]`."""

    settings: Settings
    feed: Feed
    protector: Guard


class GluuChanges:
    """Gives a Flask application Gluu's UpdatedUsers operation.

    Pass the application here or to `init_app`; all state is the application's own.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        backend: Backend | None = None,
        api: Api | None = None,
        protector: Guard | None = None,
    ) -> None:
        if app is not None:
            if backend is None:
                raise ConfigurationError(
                    "GluuChanges(app) needs a backend: GluuChanges(app, backend=…)"
                )
            self.init_app(app, backend=backend, api=api, protector=protector)

    def init_app(
        self,
        app: Flask,
        *,
        backend: Backend,
        api: Api | None = None,
        protector: Guard | None = None,
    ) -> None:
        """Register the operation, its documents and its commands on an application.

        backend: where people are found. api: the host's own flask-smorest Api, if it has one that
        should document the operation. protector: who may ask; without one, what
        `GLUU_CHANGES_PROTECTION` says. Raises ConfigurationError for settings that cannot hold.
        """
        if EXTENSION in app.extensions:
            raise ConfigurationError(
                "GluuChanges is already registered on this app; call init_app once for each app"
            )
        refuse_unknown(app.config, SETTINGS)
        settings = Settings.load(app.config)
        protector = protector or Protector.from_config(app.config)
        feed = _feed(settings, backend)
        app.extensions[EXTENSION] = AppState(settings, feed, protector)
        served = Served(settings, feed, protector, _tokens(app, settings, backend))
        _register(app, api, served)
        protector.register(app, served.paths)
        app.cli.add_command(create_group(settings, feed))


def _register(app: Flask, api: Api | None, served: Served) -> None:
    if api is None:
        app.register_blueprint(create_blueprint(served))
        return
    add_security_schemes(api, served.protector)
    api.register_blueprint(create_blueprint(served, version_of(api)))


def _tokens(app: Flask, settings: Settings, backend: Backend) -> DeltaEndpoint | None:
    """Offer the token protocol where the backend keeps a sequence of changes."""
    if not isinstance(backend, SequenceBackend):
        return None
    return DeltaEndpoint(backend, JournalSettings.load(app.config), _visibility(settings))


def _feed(settings: Settings, backend: Backend) -> Feed:
    return Feed(
        backend,
        sessions=PagingSessions(
            seconds=settings.paging_session_seconds, limit=settings.max_paging_sessions
        ),
        time_attributes=settings.time_attributes or (),
        visibility=_visibility(settings),
        configured_type=settings.type_of,
    )


def _visibility(settings: Settings) -> Visibility:
    return Visibility.of(settings.allowed_attributes, settings.denied_attributes)
