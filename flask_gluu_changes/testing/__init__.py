"""The contract of all backends as tests, for authors of backends. Needs the extra `[testing]`.

Inherit the contract in a test module of your own::

    class TestMyBackend(BackendContract):
        @pytest.fixture
        def store(self) -> MyStore:
            return MyStore()

`MyStore` is a `Store`: it holds the backend under test, and adds, changes and removes people.
"""

import pytest

# Before the import: pytest explains the failed assertions of modules that it knows of alone.
pytest.register_assert_rewrite(f"{__name__}.contract")

from .contract import LONG_AGO as LONG_AGO  # noqa: E402
from .contract import MILLISECOND as MILLISECOND  # noqa: E402
from .contract import NOON as NOON  # noqa: E402
from .contract import Attributes as Attributes  # noqa: E402
from .contract import BackendContract as BackendContract  # noqa: E402
from .contract import Store as Store  # noqa: E402
from .contract import person as person  # noqa: E402
from .contract import time_octets as time_octets  # noqa: E402

__all__ = [
    "LONG_AGO",
    "MILLISECOND",
    "NOON",
    "Attributes",
    "BackendContract",
    "Store",
    "person",
    "time_octets",
]
