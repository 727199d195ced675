"""Who may fiscalise: taxpayers, business premises, secure elements, devices of the national channels, portal users.

Promises that a secure element or a device is known with its certificate, its state and the moment of a revocation, that
neither is ever deleted, and that a change is seen by every process within a moment (`Directory`, `NationalDirectory`,
`reference.following`); that a register which presents itself is never two, and is none before a person or a rule has
said where it stands. Owns the PostgreSQL schema `registry`. Carries S0-026, S0-085, S1-018, S1-023 to S1-025, S1-033
and S2-009 to S2-012.
"""
