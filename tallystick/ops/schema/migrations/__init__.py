"""The chain itself: one step a release, each a list of DDL files in their order."""
