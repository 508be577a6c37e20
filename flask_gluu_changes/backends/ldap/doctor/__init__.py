"""The examination of a directory for `flask gluu-changes doctor`, one concern a module."""
