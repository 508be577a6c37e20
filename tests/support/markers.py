"""Words that stand for what must not be seen: they are in the secrets and people of all tests.

They are sought in what the suites write: in bodies, logs, tracebacks and files. See `leaks`.
"""

from __future__ import annotations

import re

DENIED = "hidden-from-every-client"
"""The value of a secret of each person who is added to a store."""

TOKEN_SECRET = "signs the tokens of the tests"
"""What tokens are signed with."""

SECRETS = (
    "admin-secret",  # of directories
    "reader-secret",
    "s3cret-word",  # of databases
    "rs-secret",  # of clients at the authorization server
    "caller-secret",
    "AS-SECRET-TEXT",  # in an answer of that server
    TOKEN_SECRET,
)
"""The secrets in the settings of the tests."""

SECRET = re.compile("|".join(map(re.escape, (DENIED, *SECRETS))).encode())
"""Nobody may see it: no client, no operator, no other user of the machine."""

PERSONAL = re.compile(SECRET.pattern + rb"|\w@example\.(?:org|com)|\+1 555 \d{7}")
"""Clients may see it, which read people; logs and tracebacks must not hold it."""
