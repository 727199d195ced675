"""Which taxpayers have an agreement with the operator, and until when (S1-021, S1-022).

Promises that nothing of a taxpayer is connected, and none of his devices fiscalises, without an agreement in force;
that an agreement stays as it was concluded; and that its end never lies in the past, so that no document becomes
wrong afterwards. Owns the schema ``agreements``. Tariffs and accounts, when they come, go by an agreement's number.
"""
