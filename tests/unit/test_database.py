"""A database that is asked over a network should be asked by TLS."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from flask_gluu_changes.database import warn_unless_encrypted


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("postgresql://reader:s3cret@db.example/gluu", True),
        ("postgresql://reader:s3cret@10.0.0.1/gluu?sslmode=prefer", True),
        ("mysql+pymysql://reader:s3cret@db.example/gluu?charset=utf8mb4", True),
        ("postgresql://reader:s3cret@db.example/gluu?sslmode=verify-full", False),
        ("mariadb+pymysql://reader:s3cret@db.example/gluu?ssl_ca=/etc/ssl/ca.pem", False),
        ("postgresql://reader:s3cret@localhost/gluu", False),
        ("postgresql://reader:s3cret@[::1]/gluu", False),
        ("postgresql://reader:s3cret@/gluu?host=/run/postgresql", False),
        ("postgresql://reader@db.example/gluu", False),
        ("postgresql://reader:s3cret@/gluu?host=localhost:5432&host=db.example:5432", True),
        ("postgresql://reader:s3cret@/gluu?host=one.example,two.example", True),
        ("postgresql://reader:s3cret@/gluu?host=a.example&host=b.example&sslmode=require", False),
        ("postgresql://reader:s3cret@/gluu?host=localhost:5432&host=127.0.0.1:5433", False),
        ("sqlite:////var/lib/people.db", False),
    ],
)
def test_a_login_that_may_cross_a_network_unencrypted_is_pointed_out(
    url: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """By the setting and the host, without the password."""
    warn_unless_encrypted(make_url(url), "GLUU_CHANGES_SQL_URL")
    assert ["GLUU_CHANGES_SQL_URL names no TLS for" in line for line in caplog.messages] == (
        [True] if warned else []
    )
    assert "s3cret" not in caplog.text
