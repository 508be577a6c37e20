"""Proofs against real peers, which are downloaded: not part of the test-suite."""
