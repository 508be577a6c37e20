"""The sync job."""
