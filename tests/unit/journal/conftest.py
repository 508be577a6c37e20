"""Journals in SQLite: the tests of this folder need the extra `journal`."""

from __future__ import annotations

from tests.support.journal_site import site as site
from tests.support.journals import close_engines as close_engines
from tests.support.journals import engine as engine
from tests.support.journals import journal as journal
