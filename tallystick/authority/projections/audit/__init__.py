"""Proof of audit: what a card gets when everything that it signed has arrived, so that its limit is free again.

Promises that no proof is given while an ordinal of the card is missing (S2-103, S2-116, K-13), none before the setting
`poa_settle` has passed since the last arrival (S2-114), none for a start that a newer one has replaced (S2-115); that
the same request gets the same proof byte for byte; and that every proof and its execution stand in the ledger. Carries
S2-086 to S2-095, S2-103 to S2-106, S2-108 to S2-119. Owns the PostgreSQL schema `audit`.
"""
