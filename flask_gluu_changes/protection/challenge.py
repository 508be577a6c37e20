"""The WWW-Authenticate header, for readers of the standards and for Gluu's Java client."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .discovery import uma_document_url

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A value that needs no quotes (RFC 9110, section 5.6.2)."""


def quoted(value: str) -> str:
    """Write a quoted-string (RFC 9110, section 5.6.4); what no header may hold becomes `?`."""
    plain = re.sub(r"[^\x20-\x7e]", "?", value)
    return '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"'


def bearer(
    realm: str, *, metadata: str, error: str = "", description: str = "", scopes: Sequence[str] = ()
) -> str:
    """Challenge for a bearer token (RFC 6750, section 3; RFC 9728, section 5.1).

    error: empty where no credentials were sent. scopes: those that were needed.
    """
    parameters = {
        "realm": realm,
        "error": error,
        "error_description": description,
        "scope": " ".join(scopes),
        "resource_metadata": metadata,
    }
    return "Bearer " + ", ".join(f"{k}={quoted(v)}" for k, v in parameters.items() if v)


def uma(style: str, *, realm: str, host: str, issuer: str, ticket: str) -> str | None:
    """Challenge with a permission ticket (UMA grant, section 3.2.1); None if it cannot be written.

    Gluu's client splits at every comma, respects no quotes, and believes the last `ticket=` and
    `as_uri=`; its `as_uri` is the metadata's URL. `dual` hides such a text in one quoted parameter
    that readers of the standard skip.
    """
    for_gluu = _for_gluu(issuer, ticket)
    if style == "gluu":
        return for_gluu and f'UMA realm="Authorization required", host_id={_host(host)}, {for_gluu}'
    standard = f"UMA realm={quoted(realm)}, as_uri={quoted(issuer)}, ticket={quoted(ticket)}"
    if style == "standard" or not for_gluu:
        return standard
    return f'{standard}, gluu="x, {for_gluu}, "'


def _for_gluu(issuer: str, ticket: str) -> str | None:
    url = uma_document_url(issuer)
    if not TOKEN.fullmatch(ticket) or not re.fullmatch(r"[!#-+\--\[\]-~]+", url):
        return None
    return f"as_uri={url}, ticket={ticket}"


def _host(host: str) -> str:
    return re.sub(r"[^A-Za-z0-9.:\[\]-]", "", host)
