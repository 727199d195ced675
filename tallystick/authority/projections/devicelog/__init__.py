"""The operations log of a device (S0-030): everything that was done to it and by it, in one row, a page at a time.

Promises that nothing is kept twice: registration and certificates are read from the registry, holds from the activity
log, commands and results from their room, shifts and reports from the ledger, builds and days of calls from where they
are noted; that a page has a bound, and that who asks on from a cursor misses nothing. Owns no table.
"""
