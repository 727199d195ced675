"""The room of the authority's own keys: which there are, which is in use, what each signed and why.

Owns the schema ``keys``: one row a key with its state, the uses of keys that need a row, the key of each card, and the
events that tell the ledger of a change (0x0B). The keys themselves lie in the store behind `crypto.hsm`; only the
processes of `signing_desk` open it, and everybody else asks through `signing_unit`. Promise: a signature is made by the
right key for the right purpose and explained afterwards, or it is not made (TS-5004).
"""
