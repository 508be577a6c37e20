"""The servers that more than one folder needs."""

from __future__ import annotations

from tests.support.databases import mariadb as mariadb
from tests.support.databases import postgres as postgres
