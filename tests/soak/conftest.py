"""The databases that the tests do not stop."""

from __future__ import annotations

from tests.support.databases import mariadb as mariadb
from tests.support.databases import postgres as postgres
