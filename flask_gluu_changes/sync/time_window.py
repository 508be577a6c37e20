"""Reading all pages of a window, and knowing whether one slipped through between two of them.

Offsets shift while others write: who is deleted in front of the next page moves the first one of it
onto a page that was already read. So each page is asked for with the last ones of the page before.
As long as the two have somebody in common, whoever kept the place between the others was read: the
order is the server's, by uid or of its own, and is the same for both pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..client.requester import Requester
from ..timestamps import to_instant
from .time_pages import Name, TimePage

SHARED = 5
"""People that two pages have in common: so many less one may be deleted between two requests."""


class PagesShifted(Exception):
    """Two pages have nobody in common, so somebody between them may not have been read."""


class SamePage(PagesShifted):
    """A page tells what the page before it told, and no more; a server may not know `start`."""


class TimeWindow:
    """Reads everybody who was changed since a time, once.

    Attributes:
        reached: The highest time of a change that was read, in microseconds; 0 where none was.
        began_at: The time of the server at the first page; None where it does not tell.
    """

    def __init__(self, requester: Requester[TimePage], since: datetime, page_size: int) -> None:
        self._requester = requester
        self._since = to_instant(since)
        self._page_size = str(page_size)
        self.reached = 0
        self.began_at: int | None = None

    def pages(self) -> Iterator[tuple[TimePage, bool]]:
        """Yield pages, the last one with True. Raises PagesShifted.

        A short page is not the end: a server may give less than it is asked for.
        """
        start, shared, before = 0, 0, frozenset[Name]()
        while True:
            page = self._page(start)
            self._note(page, is_first=not before)
            is_last = page.size <= shared and page.names <= before
            if start and page.names.isdisjoint(before):
                raise PagesShifted
            yield page, is_last
            if is_last:
                return
            if page.names <= before:
                raise SamePage
            shared = max(1, min(SHARED, page.size // 2))
            start, before = start + page.size - shared, page.names

    def _page(self, start: int) -> TimePage:
        """Ask for a page; Gluu's code reads `pageSize`, and its documents say `pagesize`."""
        size = self._page_size
        query = {"timeStamp": self._since, "start": str(start)}
        return self._requester.page({**query, "pageSize": size, "pagesize": size}, interval=0.0)

    def _note(self, page: TimePage, *, is_first: bool) -> None:
        self.reached = max(self.reached, page.reached)
        if is_first:
            self.began_at = page.asked_at
