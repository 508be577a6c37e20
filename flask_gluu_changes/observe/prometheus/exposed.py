"""What is exposed: the metrics of this package alone, without the times of their making."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import Metric, generate_latest
from prometheus_client.registry import Collector

PREFIX = "gluu_changes_"
"""Begins each name. Behind it come words, and the base unit where there is one."""


class Exposed(Collector):
    """The metrics of this package among those of some collectors.

    In the folder of prometheus-client's multiprocess mode there may be those of a host, too.
    """

    def __init__(self, collectors: Iterable[Collector]) -> None:
        self._collectors = collectors

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        for collector in self._collectors:
            for metric in collector.collect():
                if metric.name.startswith(PREFIX):
                    yield _without_created(metric)


def expose(*collectors: Collector) -> bytes:
    """Return the metrics in the format that every Prometheus reads."""
    return generate_latest(Exposed(collectors))


def _without_created(metric: Metric) -> Metric:
    """Leave out when each counter was made, of which a series each would be written."""
    metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
    return metric
