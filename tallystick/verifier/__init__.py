"""The offline verifier: reads an export of the ledger with public keys alone, and names every break in it.

Promises that nothing is believed but the keys and roots of the user's policy: each body, signature, certificate, link,
counter, total, leaf and signed head is computed anew (S0-004, S0-040, S0-041). It knows no network and no database, and
shares no code with the ledger's writer but the codecs of ``wire`` and the primitives of ``crypto``.
"""
