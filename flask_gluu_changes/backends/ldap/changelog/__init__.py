"""Following OpenDJ by its external change log, `cn=changelog`."""
