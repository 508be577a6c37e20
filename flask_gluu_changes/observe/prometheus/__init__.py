"""Metrics by prometheus-client, which only this room imports: they need the extra `metrics`."""
