"""Personal data: bodies are erased when two officers say so and a law asks for it, and every proof still holds.

Promises that nothing is erased before the ledger says so (kind 07, security 5.9), that leaf, links, record and totals
stay, and that an erasure which was interrupted goes on. Owns the schema ``personal``.
"""
