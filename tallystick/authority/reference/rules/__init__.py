"""The national rules in force, and when each was adopted: the table of algorithms (K-01), the tax rates.

Promises that a change of a rule is written down with its moment, once, behind the one before it, and gets an entry of
kind 0x08 in the ledger, so that nobody can say later that another rule was in force. Owns the schema ``rules``.
"""
