"""Filling the journal: from the events of a follower to batches."""
