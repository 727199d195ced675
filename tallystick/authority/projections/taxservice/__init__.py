"""The queue to the tax authority's own system: each document of the ledger goes on to it (S1-007, S1-034 to S1-041).

Promises that every document of every channel becomes one item, that an item is noted as sent before it is, that the
service's word decides what becomes of it, and that nothing is sent as new twice: an item is named by its entry, and the
key of its request is the act's hash. Items and figures are a fold over the ledger, which can be thrown away; receipts
are what the service said, and only grow. Owns the schema ``taxservice``.
"""
