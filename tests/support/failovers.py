"""Three PostgreSQL servers on ports that stay: a primary, a replica, and a replica that lags.

The primary is killed again and again, and the replica promoted; what was there comes back as a
replica of the new one.
"""

from __future__ import annotations

import random
from types import TracebackType
from typing import Self

from tests.support.postgresql_replica import Primary, Replica, pause, several_hosts

LONGEST_CUT = 1.0
"""Seconds for which the replica may receive nothing before its primary is killed."""

LONGEST_AWAY = 0.5
"""Seconds for which there may be no primary."""


class Cluster:
    """The three servers. delay: seconds by which the third one lags."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self.primary = Primary()
        self.primary.start()
        self.near = self._started(Replica(self.primary))
        self.behind = self._started(Replica(self.primary, delay=delay))

    @property
    def url(self) -> str:
        """Where `follow` writes: whichever of two takes writes."""
        return several_hosts(self._pair, "read-write")

    @property
    def near_url(self) -> str:
        """The replica, or the primary where there is none."""
        return several_hosts(self._pair, "prefer-standby")

    def fail_over(self, chance: random.Random) -> str:
        """Kill the primary while its replica lacks what came last; return what happened."""
        cut, away = (
            chance.choice([0.0, chance.uniform(0, LONGEST_CUT)]),
            chance.uniform(0, LONGEST_AWAY),
        )
        if cut:
            self.near.cut_off()
            pause(cut)
        self.primary.kill()
        pause(away)
        self.near.promote()
        self._rebuild()
        return f"failover, cut off for {cut:.2f} s, away for {away:.2f} s"

    def restart_behind(self) -> str:
        """Kill the replica that lags, and start it again."""
        self.behind.kill()
        self.behind.start()
        return "the replica that lags was killed"

    def catch_up(self) -> None:
        """Return when both replicas show what the primary has."""
        for replica in (self.near, self.behind):
            replica.catch_up()

    def _rebuild(self) -> None:
        """Have the old primary come back as the replica, and the other one follow the new one."""
        old, self.primary = self.primary, self.near
        self.near = self._instead_of(old, Replica(self.primary))
        self.behind = self._instead_of(self.behind, Replica(self.primary, delay=self._delay))

    def _instead_of(self, old: Primary, new: Replica) -> Replica:
        old.stop()
        old.remove()
        new.port = old.port
        return self._started(new)

    @staticmethod
    def _started(replica: Replica) -> Replica:
        replica.start()
        return replica

    @property
    def _pair(self) -> list[Primary]:
        return sorted([self.primary, self.near], key=lambda server: server.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in (self.behind, self.near, self.primary):
            server.stop()
            server.remove()
