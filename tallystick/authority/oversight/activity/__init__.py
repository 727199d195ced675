"""The activity log: who did what, for whom and why, on a chain like the ledger's, reads of sensitive data included.

Promises that an act is written in the transaction that carries it out, or not at all, and that no row can be changed
or dropped without the chain showing it (S0-030). Owns the schema ``activity``.
"""
