"""Who may fiscalise: taxpayers, business premises, secure elements and their certificates, users of the portals.

Promises that a secure element is known with its certificate, its state and the moment of a revocation, that nothing
is ever deleted, and that a change is seen by every process within a moment (`Directory`, `reference.following`).
Owns the PostgreSQL schema `registry`. Carries S0-026, S0-085 and S2-009 to S2-012 as far as this issue goes.
"""
