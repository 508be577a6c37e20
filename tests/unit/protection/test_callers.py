"""Clients are told apart by what they can change least: an address, of IPv6 the network."""

from __future__ import annotations

import pytest
from flask import Flask

from flask_gluu_changes.protection import Guard, Protector
from flask_gluu_changes.protection.guard import client_address


class Everybody(Guard):
    """A host's own guard that lets everybody pass."""

    def check(self, scopes: object = None) -> None:
        """Let pass."""


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_network_of_ipv6_is_one_client(address: str, counted: str) -> None:
    """But not all of IPv4, as a server that listens on both writes it."""
    app = Flask(__name__)
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    protector = Protector.from_config(app.config)
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert client_address() == counted
        assert Everybody().caller() == protector.caller() == counted
    assert client_address() == ""
