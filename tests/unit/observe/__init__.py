"""What operators see: audit records, health and metrics."""
