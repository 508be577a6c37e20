"""GluuChanges: the extension that a host application registers."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from flask_smorest import Api

from .backend import Backend
from .cli import create_group
from .errors import ConfigurationError
from .feed.feed import Feed
from .feed.sessions import PagingSessions
from .journal.protocol import SequenceBackend
from .observe.health import NOBODY_SINCE, Readiness
from .observe.observer import Observer
from .protection import Guard, ProtectionSettings, Protector
from .settings.backends import LdapSettings, SqlSettings
from .settings.base import Settings
from .settings.fields import refuse_unknown
from .settings.journal import FollowSettings, JournalSettings
from .settings.observe import ObserveSettings
from .settings.unsafe import check_token_secret, warn_of_shown_secrets
from .web.blueprint import AppState, create_blueprint
from .web.capacity import Capacity
from .web.delta import DeltaEndpoint
from .web.long_answers import LongAnswers
from .web.metrics import find_meter, metrics_endpoint
from .web.openapi import add_security_schemes, version_of
from .web.paging import StoreFinder
from .web.waiting import Waiting

EXTENSION = "gluu_changes"

SETTINGS = (
    Settings,
    LdapSettings,
    SqlSettings,
    ProtectionSettings,
    JournalSettings,
    FollowSettings,
    ObserveSettings,
)
"""Every class that declares keys; a key that none of them declares is refused."""


class GluuChanges:
    """The extension: it adds Gluu's UpdatedUsers operation to Flask applications.

    Pass the application here or to `init_app`. The extension itself holds no state; what belongs
    to an application is in `app.extensions["gluu_changes"]`.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        backend: Backend | None = None,
        api: Api | None = None,
        protector: Guard | None = None,
    ) -> None:
        """Call `init_app` with the same arguments, if there is an application.

        Args:
            app: The application, or None to call `init_app` later.
            backend: The store of people; needed where an application is given.
            api: The host's own flask-smorest Api that should document the operation.
            protector: What decides whether a request is answered.

        Raises:
            ConfigurationError: There is an application without a backend, or `init_app` raises it.
        """
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

        Args:
            app: The host application, with its `GLUU_CHANGES_*` settings in `app.config`.
            backend: The store of people.
            api: The host's own flask-smorest Api, if it has one that should document the operation.
            protector: What decides whether a request is answered; without one, a Protector as
                `GLUU_CHANGES_PROTECTION` asks for.

        Raises:
            ConfigurationError: A setting is missing, unknown or contradictory, or the application
                has the extension already.
        """
        if EXTENSION in app.extensions:
            raise ConfigurationError(
                "GluuChanges is already registered on this app; call init_app once for each app"
            )
        # before anything is read: a misspelt key would leave its setting at the default
        refuse_unknown(app.config, SETTINGS)
        _refuse_ignored(app, backend)
        settings = Settings.load(app.config)
        warn_of_shown_secrets(settings)
        _check_host(app, settings)
        protector = protector or Protector.from_config(app.config)
        lag = timedelta(seconds=FollowSettings.load(app.config).follow_lag)
        feed = _feed(settings, backend, lag, StoreFinder(app, settings, backend))
        journal_settings = JournalSettings.load(app.config)
        capacity = Capacity.of_server(settings.server_threads, journal_settings.max_waiters)
        answers = LongAnswers(capacity, settings.min_read_rate, protector)
        delta = None
        if isinstance(backend, SequenceBackend):  # else there are no token forms
            waiting = Waiting(backend, journal_settings, capacity, protector)
            check_token_secret(journal_settings, app.config)
            parts = (journal_settings, settings.visibility, lag, waiting, answers)
            delta = DeltaEndpoint(backend, *parts, settings.digest)
        observing = ObserveSettings.load(app.config)
        readiness = Readiness(backend, feed.query(NOBODY_SINCE), observing.ready_lag)
        meter = find_meter(observing, feed, readiness, protector)
        capacity.meter = meter or capacity.meter
        metrics = metrics_endpoint(observing, meter, protector)
        observer = Observer(app, observing, protector.identity, meter)
        state = AppState(settings, feed, protector, answers, observer, readiness, metrics, delta)
        app.extensions[EXTENSION] = state
        _register(app, api, state)
        protector.register(app, state.paths)
        app.cli.add_command(create_group(settings, feed, protector, readiness))


def _check_host(app: Flask, settings: Settings) -> None:
    """Raise ConfigurationError where no URL could match."""
    if app.url_map.host_matching and not settings.url_host:
        raise ConfigurationError(
            "this is a Flask(host_matching=True): set GLUU_CHANGES_URL_HOST to the host at which"
            " the operation answers, such as idp.example.org"
        )
    if settings.url_host and not app.url_map.host_matching:
        raise ConfigurationError("GLUU_CHANGES_URL_HOST is for a Flask(host_matching=True) alone")


def _refuse_ignored(app: Flask, backend: Backend) -> None:
    """Raise ConfigurationError for settings that the backend was made without reading."""
    if ignored := backend.ignored_settings(app.config):
        name = type(backend).__name__
        raise ConfigurationError(
            f"{' and '.join(ignored)} would be ignored: make the backend by"
            f" {name}.from_config(app.config, engine=…), or pass the same in code"
        )


def _register(app: Flask, api: Api | None, state: AppState) -> None:
    if api is None:
        app.register_blueprint(create_blueprint(state))
        return
    add_security_schemes(api, state.protector)
    api.register_blueprint(create_blueprint(state, version_of(api)))


def _feed(settings: Settings, backend: Backend, lag: timedelta, find_store: StoreFinder) -> Feed:
    return Feed(
        backend,
        sessions=PagingSessions(
            seconds=settings.paging_session_seconds,
            limit=settings.max_paging_sessions,
            octets=settings.max_paging_octets,
            find_store=find_store,
        ),
        time_attributes=settings.time_attributes,
        visibility=settings.visibility,
        configured_type=settings.type_of,
        lag=lag,
        settings_digest=settings.digest,
    )
