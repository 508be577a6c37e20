"""The options of `follow` for metrics: where it answers Prometheus, or which file it writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

import click

from ..follower import FollowMeter

Address: TypeAlias = tuple[str, int]

LOOPBACK = "127.0.0.1"


def read_address(ctx: click.Context, param: click.Parameter, value: str | None) -> Address | None:
    """Read `9111`, `0.0.0.0:9111` or `[::]:9111`."""
    if value is None:
        return None
    address, _, port = value.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise click.BadParameter(f"{value!r} is no port such as 9111 or 0.0.0.0:9111", ctx, param)
    return address.strip("[]") or LOOPBACK, int(port)


@contextmanager
def measuring(address: Address | None, path: str | None) -> Iterator[FollowMeter | None]:
    """Yield what counts for Prometheus; None where nobody wants to know."""
    if address is None and path is None:
        yield None
        return
    try:
        from ..observe.prometheus.follow import PrometheusFollowMeter
    except ModuleNotFoundError as error:
        raise click.ClickException("pip install 'flask-gluu-changes[metrics]' first") from error
    meter = PrometheusFollowMeter()
    with ExitStack() as kept:
        try:
            if address is not None:
                meter.serve(*address)
            if path is not None:
                kept.enter_context(meter.written_to(path))
        except OSError as error:
            raise click.ClickException(f"metrics cannot be offered: {error.strerror}") from error
        yield meter
