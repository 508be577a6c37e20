"""Mutation testing, as `make mutants` runs it."""
