"""A journal that is filled from elsewhere."""

from __future__ import annotations

from tests.support.filling import journal as journal
