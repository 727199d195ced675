"""Retention by rule: what is kept beside the ledger goes when the country's months are over, in small pieces.

Promises that nothing goes which an open case, an open audit, a request or an order of erasure needs, that rows on which
proofs of audit and detectors count stay without their bodies, and that each piece and its act are one transaction. The
ledger is out of its reach. Owns the schema ``retention``: views that say what has had its time, and what holds it back.
"""
