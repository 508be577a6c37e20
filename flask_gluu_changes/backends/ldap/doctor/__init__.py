"""The examination of a directory for `flask gluu-changes doctor`, one concern per module."""
