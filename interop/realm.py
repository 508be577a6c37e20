"""What an administrator sets up in Keycloak for this package: the README's words as calls."""

from __future__ import annotations

from typing import Any

from .keycloak import REALM, Keycloak

API, API_SECRET = "changes-api", "api-secret"
CALLER, CALLER_SECRET = "changes-reader", "caller-secret"
STRANGER, STRANGER_SECRET = "stranger", "stranger-secret"
SCOPE = "scim.users.read"
UMA_SCOPE = "read"


def create_realm(keycloak: Keycloak) -> None:
    """Create the realm, the scope, the client of this API, one that may ask and one that may not.

    The one that may not has tokens for this API, too, but never with the scope.
    A new realm comes with Keycloak's own client scopes, which put `sub` and `client_id` in tokens.
    """
    keycloak.create("", {"realm": REALM, "enabled": True})
    keycloak.create(f"/{REALM}/client-scopes", _scope())
    caller = {**_client(CALLER, CALLER_SECRET), "optionalClientScopes": [SCOPE]}
    keycloak.create(f"/{REALM}/clients", caller)
    stranger = {**_client(STRANGER, STRANGER_SECRET), "protocolMappers": [_audience()]}
    keycloak.create(f"/{REALM}/clients", stranger)
    keycloak.create(f"/{REALM}/clients", _resource_server())  # its policy names the caller


def _client(name: str, secret: str) -> dict[str, Any]:
    """A confidential client with client credentials, and RFC 9068's type in its tokens' header."""
    return {
        "clientId": name,
        "secret": secret,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "attributes": {"access.token.header.type.rfc9068": "true"},
    }


def _audience() -> dict[str, Any]:
    """A mapper that puts the API's client into `aud`: for no other would Keycloak introspect."""
    config = {"included.client.audience": API, "access.token.claim": "true"}
    return {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {**config, "introspection.token.claim": "true"},
    }


def _scope() -> dict[str, Any]:
    return {
        "name": SCOPE,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true"},
        "protocolMappers": [_audience()],
    }


def _resource_server() -> dict[str, Any]:
    """The API's client; what CALLER may do holds for every resource that has the scope."""
    policy = {"name": "readers", "type": "client", "config": {"clients": f'["{CALLER}"]'}}
    permission = {
        "name": "readers read",
        "type": "scope",
        "config": {"scopes": f'["{UMA_SCOPE}"]', "applyPolicies": '["readers"]'},
    }
    return {
        **_client(API, API_SECRET),
        "authorizationServicesEnabled": True,
        "authorizationSettings": {
            "allowRemoteResourceManagement": True,
            "scopes": [{"name": UMA_SCOPE}],
            "policies": [policy, permission],
        },
    }
