"""python -m interop: say what the interop tests need from Maven Central, and fetch it."""

from __future__ import annotations

import sys

from .downloads import KEYCLOAK, OPENDJ, DownloadError, cache_folder, fetch


def main() -> int:
    """Fetch everything that is not in the cache; 1 when it cannot be had."""
    print(f"The servers are kept in {cache_folder()}; remove it when you need them no more.")
    try:
        for artifact in (KEYCLOAK, OPENDJ):
            fetch(artifact)
    except DownloadError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
