"""URLs to which secrets may go, and how they are named where others read."""

from __future__ import annotations

from ipaddress import ip_address

import httpx

from .errors import ChangesMisconfigured


def public_name(url: httpx.URL) -> str:
    """Return a URL without what may be a secret: user, password, query."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def parsed_url(text: str, what: str) -> httpx.URL:
    """Return a URL; raise ChangesMisconfigured for one that cannot be read."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError) as error:
        raise ChangesMisconfigured(f"{what} is no URL that can be read") from error
    if url.scheme and not url.host:
        raise ChangesMisconfigured(f"{what} names no host")
    return url


def check_private(url: httpx.URL, what: str, *, insecure_http: bool = False) -> None:
    """Raise ChangesMisconfigured where others on the network could read what is sent.

    what: that which is sent, for the operator. insecure_http: whether they may.
    """
    if url.scheme == "https":
        return
    if url.scheme == "http" and url.host and (insecure_http or _is_loopback(url.host)):
        return
    raise ChangesMisconfigured(
        f"{what} would be sent to {public_name(url)} unencrypted; give an https:// URL"
    )


def checked_url(text: str, http: httpx.Client, *, insecure_http: bool = False) -> httpx.URL:
    """Return a URL to which the credentials of a client of httpx may be sent."""
    url = parsed_url(text, "the operation's URL")
    if http.auth is not None or url.userinfo or "Authorization" in http.headers:
        check_private(url, "credentials", insecure_http=insecure_http)
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
