"""A small but real OAuth 2 and UMA 2.0 authorization server, with faults that a test can plan."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import unquote_plus

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from .serving import Serving

UMA_TICKET = "urn:ietf:params:oauth:grant-type:uma-ticket"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GARBAGE = "<html>AS-SECRET-TEXT</html>"
KEYS = [RSAKey.generate_key(2048, {"kid": f"key-{n}", "use": "sig"}) for n in range(2)]
CLIENT_KEY = RSAKey.generate_key(2048, {"kid": "rs-key"})


class AuthorizationServer(Serving):
    """Everything it knows is public here: tests read it, change it and plan faults.

    faults: endpoint name to `500`, `garbage`, `slow` or `401-once`. answers: token to the exact
    introspection answer. calls: how often each endpoint was asked.
    """

    def __init__(self, tls: tuple[str, str] | None = None) -> None:
        super().__init__(self._make_app(), tls)
        self.clients = {"rs": "rs-secret", "caller": "caller-secret"}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Any] = {}
        self.tickets: dict[str, list[dict[str, Any]]] = {}
        self.resources: dict[str, dict[str, Any]] = {}
        self.faults: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.keys = [KEYS[0]]
        self.published_issuer: str | None = None
        self.pat_seconds: int | None = 300
        self.denies = False
        self.only_lists = False
        self.release = threading.Event()

    @property
    def issuer(self) -> str:
        return self.url

    def issue(self, scope: str = "https://gluu.org/scim/users.read", **claims: Any) -> str:
        """Make an active opaque token for the client `caller`."""
        token = f"tok-{secrets.token_hex(8)}"
        self.tokens[token] = {
            "iss": self.issuer,
            "client_id": "caller",
            "sub": "caller",
            "token_type": "Bearer",
            "scope": scope,
            "exp": int(time.time()) + 300,
            **claims,
        }
        return token

    def sign(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Make a JWT access token (RFC 9068); a claim or header of None is left out."""
        now = int(time.time())
        key = self.keys[-1]
        stated = {
            "iss": self.issuer,
            "aud": "our-api",
            "sub": "caller",
            "client_id": "caller",
            "jti": secrets.token_hex(4),
            "iat": now,
            "exp": now + 300,
            "scope": "https://gluu.org/scim/users.read",
            **claims,
        }
        headers = {"alg": "RS256", "typ": "at+jwt", "kid": key.kid, **(header or {})}
        return jwt.encode(
            {k: v for k, v in headers.items() if v is not None},
            {k: v for k, v in stated.items() if v is not None},
            key,
            algorithms=[str(headers["alg"])],
            default_type=None,
        )

    def revoke(self, token: str) -> None:
        del self.tokens[token]

    def rotate(self) -> None:
        """Sign with a second key from now on, and withdraw the first."""
        self.keys = [KEYS[1]]

    def metadata(self) -> dict[str, str]:
        return {
            "issuer": self.published_issuer or self.issuer,
            "token_endpoint": f"{self.url}/token",
            "introspection_endpoint": f"{self.url}/introspect",
            "jwks_uri": f"{self.url}/jwks",
            "permission_endpoint": f"{self.url}/permission",
            "resource_registration_endpoint": f"{self.url}/resources",
        }

    # --- its HTTP side ----------------------------------------------------------------------

    def _make_app(self) -> Flask:
        app = Flask(__name__)
        known = ("oauth-authorization-server", "openid-configuration", "uma2-configuration")
        for name in known:
            app.add_url_rule(f"/.well-known/{name}", name, self._metadata)
        app.add_url_rule("/token", "token", self._token, methods=["POST"])
        app.add_url_rule("/introspect", "introspect", self._introspect, methods=["POST"])
        app.add_url_rule("/jwks", "jwks", self._jwks)
        app.add_url_rule("/permission", "permission", self._permission, methods=["POST"])
        app.add_url_rule("/resources", "resources", self._resources, methods=["GET", "POST"])
        app.add_url_rule("/resources/<key>", "resource", self._resource)
        app.before_request(self._fault)
        return app

    def _fault(self) -> ResponseReturnValue | None:
        name = str(request.endpoint)
        self.calls[name] += 1
        self.requests.append((name, request.headers.get("Authorization", ""), {**request.form}))
        fault = self.faults.get(name, self.faults.get("*"))
        if fault == "401-once":
            del self.faults[name]
            return jsonify(error="invalid_token"), 401
        if fault == "slow":
            self.release.wait(5)
        if fault == "500":
            return GARBAGE, 500
        return Response(GARBAGE) if fault == "garbage" else None

    def _metadata(self) -> ResponseReturnValue:
        return jsonify(self.metadata())

    def _jwks(self) -> ResponseReturnValue:
        return jsonify(KeySet(list(self.keys)).as_dict(private=False))

    def _client(self) -> str | None:
        header = request.headers.get("Authorization", "")
        if header.startswith("Basic "):
            pair = base64.b64decode(header[6:]).decode().split(":")
            name, secret = (unquote_plus(part) for part in pair)
        elif request.form.get("client_assertion_type") == ASSERTION:
            return self._asserted(request.form["client_assertion"])
        else:
            name, secret = request.form.get("client_id", ""), request.form.get("client_secret", "")
        return name if name and self.clients.get(name) == secret else None

    def _asserted(self, assertion: str) -> str | None:
        claims = jwt.decode(assertion, CLIENT_KEY, algorithms=["RS256"]).claims
        fits = claims["aud"] == f"{self.url}/token" and claims["exp"] > time.time()
        return str(claims["sub"]) if fits and claims["iss"] == claims["sub"] else None

    def _bearer(self) -> dict[str, Any] | None:
        return self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))

    def _token(self) -> ResponseReturnValue:
        client = self._client() or (self._bearer() or {}).get("client_id")
        if client is None:
            return jsonify(error="invalid_client"), 401
        if request.form["grant_type"] == UMA_TICKET:
            return self._rpt(str(client))
        scope = request.form.get("scope", "")
        token = self.issue(scope, client_id=client)
        answer = {"access_token": token, "token_type": "Bearer", "scope": scope}
        if self.pat_seconds is not None:
            answer["expires_in"] = self.pat_seconds  # type: ignore[assignment]
        return jsonify(answer)

    def _rpt(self, client: str) -> ResponseReturnValue:
        permissions = self.tickets.pop(request.form["ticket"], None)
        if permissions is None:
            return jsonify(error="invalid_grant"), 400
        if self.denies:
            return jsonify(error="request_denied"), 403
        rpt = self.issue("", client_id=client, permissions=permissions)
        return jsonify(access_token=rpt, token_type="Bearer", expires_in=300)

    def _introspect(self) -> ResponseReturnValue:
        pat = self._bearer()
        allowed = self._client() or (pat and "uma_protection" in pat["scope"])
        if not allowed:
            return jsonify(error="invalid_client"), 401
        token = request.form["token"]
        if token in self.answers:
            return jsonify(self.answers[token])
        claims = self.tokens.get(token)
        return jsonify({"active": True, **claims} if claims else {"active": False})

    def _protection_api(self) -> ResponseReturnValue | None:
        pat = self._bearer()
        if pat and "uma_protection" in pat["scope"]:
            return None
        return jsonify(error="invalid_token"), 401

    def _permission(self) -> ResponseReturnValue:
        wanted = request.get_json()
        if isinstance(wanted, dict) and self.only_lists:
            return jsonify(error="invalid_request"), 400
        permissions = wanted if isinstance(wanted, list) else [wanted]
        if any(p["resource_id"] not in self.resources for p in permissions):
            return jsonify(error="invalid_resource_id"), 400
        ticket = secrets.token_hex(8)
        self.tickets[ticket] = permissions
        return self._protection_api() or (jsonify(ticket=ticket), 201)

    def _resources(self) -> ResponseReturnValue:
        refusal = self._protection_api()
        if refusal or request.method == "GET":
            return refusal or jsonify(list(self.resources))
        key = f"res-{len(self.resources) + 1}"
        self.resources[key] = request.get_json()
        return jsonify(_id=key), 201

    def _resource(self, key: str) -> ResponseReturnValue:
        refusal = self._protection_api()
        if refusal or key not in self.resources:
            return refusal or (jsonify(error="not_found"), 404)
        return jsonify({"_id": key, **self.resources[key]})
