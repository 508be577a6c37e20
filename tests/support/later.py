"""What a test has done while a request of its own is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Later = Callable[[Callable[[], None]], None]
"""Does something in another thread, when its time has come."""


@contextmanager
def doing_once(holds: Callable[[], object]) -> Iterator[Later]:
    """Yield what does something as soon as a condition holds; the end of the block awaits it."""
    threads: list[threading.Thread] = []

    def do(something: Callable[[], None]) -> None:
        def watch() -> None:
            pause = threading.Event()
            while not holds():
                pause.wait(0.001)
            something()

        threads.append(threading.Thread(target=watch))
        threads[-1].start()

    yield do
    for thread in threads:
        thread.join()
