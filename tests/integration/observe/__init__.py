"""What a real Prometheus makes of the metrics, the alerts and the dashboard."""
