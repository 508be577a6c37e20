"""Snapshots of entries, as a process keeps them for itself or reads them from a file."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from datetime import datetime
from tempfile import TemporaryFile

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.feed.snapshot import ANY_TIME, Snapshot, SnapshotWriter


def in_memory(
    since: datetime, entries: Iterable[EncodedEntry], credible: int = ANY_TIME
) -> Snapshot:
    """Return the snapshot of a small answer."""
    writer, most = SnapshotWriter(since, credible), 10**6
    assert writer.is_small(iter(entries), most), "they are too large"
    return writer.in_memory()


def in_file(since: datetime, entries: Iterable[EncodedEntry], credible: int = ANY_TIME) -> Snapshot:
    """Return the snapshot of a large answer; nobody is in memory."""
    writer, rest = SnapshotWriter(since, credible), iter(entries)
    if writer.is_small(rest, 0):
        return writer.in_memory()
    with TemporaryFile(buffering=0) as file:
        writer.to_file(rest, file)
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Snapshot.stored(since, data, len(writer))
