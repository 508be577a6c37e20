"""Protected applications, and authorization servers to protect them."""

from __future__ import annotations

from tests.support.protection import _push_request_context as _push_request_context
from tests.support.protection import host as host
from tests.support.protection import make_site as make_site
from tests.support.protection import server as server
