"""Tax categories and rate groups with their validity, served at a moment in time (S2-040 to S2-044, S2-054).

Promises that a published group never changes: a new revision gets a new number, and two persons decide about it (E-06).
Owns the PostgreSQL schema `taxrates`.
"""
