"""Journals for the tests of this folder."""

from __future__ import annotations

from tests.support.journal_site import site as site
from tests.support.journals import engine as engine
from tests.support.journals import journal as journal
