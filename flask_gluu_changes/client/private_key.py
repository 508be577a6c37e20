"""A key that a consumer signs with where others send a secret: `private_key_jwt`."""

from __future__ import annotations

import os

from ..errors import ConfigurationError
from ..oauth.keys import ASSERTION_TYPE, client_assertion, read_key
from .errors import ChangesMisconfigured


class PrivateKey:
    """The private key of a client at the authorization server (RFC 7523); it is never sent.

    Example:
        In place of a secret::

            auth = ClientCredentials(token_endpoint, "replica", PrivateKey("replica.pem"))
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read a key.

        Args:
            path: A file with the key as JWK or as PEM without a password: RSA, EC or Ed25519.

        Raises:
            ChangesMisconfigured: The file holds no private key that can sign.
        """
        try:
            self._key = read_key(os.fspath(path), "the client's key")
        except ConfigurationError as error:
            raise ChangesMisconfigured(error.message) from error

    def proof(self, client_id: str, token_endpoint: str) -> dict[str, str]:
        """Return the fields of a form that prove who the client is, for a minute."""
        assertion = client_assertion(self._key, client_id, token_endpoint)
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
