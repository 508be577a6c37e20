"""The sync job `gluu-changes`: a replica is kept equal to what a server tells, run by run."""
