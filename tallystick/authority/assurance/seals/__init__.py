"""Seals of business days: what a day's documents were, told once, chained, and never changed silently.

Promises that a day's totals are in the ledger two hours after it ended, and that what comes later makes another
revision that names the former (S0-040, security 5.7). Owns the schema ``seals``.
"""
