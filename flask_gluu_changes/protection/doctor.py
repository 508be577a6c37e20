"""What `flask gluu-changes doctor` finds out about the authorization server, by asking it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from werkzeug.http import parse_date

from ..model import Finding
from ..settings.fields import PREFIX
from ..settings.protection import ProtectionSettings
from .caching import Clock
from .claims import LEEWAY
from .credentials import explained
from .discovery import ServerMetadata, metadata_urls
from .http import AuthorizationServerUnavailable, HttpClient
from .introspection import IntrospectionValidator
from .jwks import Jwks
from .uma import UmaResource

TOLERATED = timedelta(seconds=60)
NTP = "set the clocks by NTP (`timedatectl set-ntp true`)"
LOG = "the lines of the log above say what failed"


@dataclass(frozen=True)
class ServerDoctor:
    """Examines what a mode depends on; what a mode does not have is None."""

    settings: ProtectionSettings
    http: HttpClient
    server: ServerMetadata
    clock: Clock
    introspection: IntrospectionValidator | None = None
    jwks: Jwks | None = None
    resource: UmaResource | None = None

    def examine(self) -> Iterator[Finding]:
        """Yield findings; a server that does not answer is one as well."""
        yield from self._settings()
        for look, advice in self._looks():
            try:
                yield look()
            except AuthorizationServerUnavailable:
                yield Finding.fault(
                    f"the authorization server {self.settings.issuer} cannot be used",
                    f"{LOG}; {advice}",
                )
                return

    def _looks(self) -> Iterator[tuple[Callable[[], Finding], str]]:
        """Yield what to look at, the first that others depend on first, and where to see to it."""
        yield self._endpoints, f"correct {PREFIX}ISSUER, or open the way there"
        yield self._time, f"correct {PREFIX}ISSUER, or open the way there"
        if self.introspection:
            yield (
                partial(_credentials, self.introspection),
                f"correct {PREFIX}CLIENT_ID and its secret or key",
            )
        if self.jwks:
            yield partial(_keys, self.jwks), f"correct {PREFIX}JWKS_URI"
        if self.resource:
            look = partial(_uma_resource, self.resource, self.settings)
            yield look, f"correct {PREFIX}PAT_SCOPE and {PREFIX}UMA_RESOURCE_ID"

    def _settings(self) -> Iterator[Finding]:
        if not self.settings.audience and self.settings.protection != "uma":
            yield Finding.warning(
                "tokens that were issued for other services of the authorization server pass",
                f"set {PREFIX}AUDIENCE to what aud holds in tokens for this one",
            )
        if not self.settings.resource:
            yield Finding.warning(
                "clients are not told where tokens come from (RFC 9728)",
                f"set {PREFIX}RESOURCE to the public URL of the operation",
            )

    def _endpoints(self) -> Finding:
        names = ["jwks_uri"] if self.jwks else ["introspection_endpoint"]
        names += ["permission_endpoint", "resource_registration_endpoint"] if self.resource else []
        for name in names:
            self.server.endpoint(name)
        return Finding.ok(f"the endpoints of {self.settings.issuer} are known")

    def _time(self) -> Finding:
        url = metadata_urls(self.settings.issuer, uma=self.resource is not None)[-1]
        date = parse_date(self.http.send("GET", url, {}).date)
        if date is None:
            return Finding.warning(
                "the authorization server does not tell its time; a wrong clock is not noticed",
                NTP,
            )
        ahead = round(date.timestamp() - self.clock.now())
        if abs(ahead) <= LEEWAY:
            return Finding.ok(f"the authorization server's clock differs by {abs(ahead)} s")
        way = "ahead of" if ahead > 0 else "behind"
        found = f"the authorization server's clock is {abs(ahead)} s {way} this machine's"
        advice = f"{NTP}; tokens pass too long or too short a time"
        is_fault = timedelta(seconds=abs(ahead)) > TOLERATED
        return Finding.fault(found, advice) if is_fault else Finding.warning(found, advice)


def _credentials(introspection: IntrospectionValidator) -> Finding:
    answer = introspection.probe()
    if answer.status == 200 and "active" in answer.object:
        return Finding.ok("the introspection answers this server")
    return Finding.fault(
        f"the introspection refuses this server: {explained(answer)}",
        f"register {PREFIX}CLIENT_ID as a confidential client that may introspect",
    )


def _keys(jwks: Jwks) -> Finding:
    keys = jwks.find(None)
    if keys:
        return Finding.ok(f"keys of the issuer that tokens may be signed with: {len(keys)}")
    return Finding.fault(
        "the issuer has no key that tokens may be signed with",
        f"let it sign with RS256 and 2048 bits, or with ES256; or correct {PREFIX}JWKS_URI",
    )


def _uma_resource(resource: UmaResource, settings: ProtectionSettings) -> Finding:
    if resource.exists():
        return Finding.ok("the UMA resource is registered, with the scopes")
    if settings.uma_resource_id:
        return Finding.fault(
            "the authorization server has no such UMA resource with the scopes",
            f"correct {PREFIX}UMA_RESOURCE_ID and {PREFIX}UMA_SCOPE",
        )
    return Finding.warning(
        "the UMA resource is not registered yet; the first request will do it",
        f"register it once and set {PREFIX}UMA_RESOURCE_ID, where several processes start",
    )
