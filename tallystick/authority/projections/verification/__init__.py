"""What a buyer may learn about one document, from its verification URL alone (S0-018, S0-033, S0-097).

Promises: the answer says *valid* only for a document that the ledger holds behind its acknowledgement gate and whose
signed bytes are those of the code; it shows the inclusion proof; it never shows what the code claims as our own record.
Owns the schema ``verification``, a fold of which documents refer to which (K-21). Holds the one HTML page outside the
portals, and the public proofs of the ledger.
"""
