"""Keep a copy of everybody in step with a server: the command `gluu-changes`, and its parts."""
