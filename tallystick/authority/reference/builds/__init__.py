"""Who makes what fiscalises, and which of their builds are certified (S0-082 to S0-085).

Promises that a build is what its maker signed, that an officer certified it, and that whoever proves another, a
suspended or a revoked one is refused at the next connection. Owns the schema ``builds``.
"""
