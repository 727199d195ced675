"""Who watches the ledger: the policy of witnesses, their cosignatures, who is late, and checkpoints that contradict.

Promises that every signed head that somebody brings back is compared with the ledger, that a contradiction is kept with
both notes and told, and that witnesses change only by two persons' word (S0-041, security 5.4). Owns the schema
``witnesses``.
"""
