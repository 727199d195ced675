"""What an insider with every right in the database could do to the ledger, and who must notice: data, and a drill.

Promises that the catalogue is tried on copies alone, each manipulation with all detectors, and that a detector which
stays silent, or speaks up about an honest ledger, is a failure (S0-004, S0-041).
"""
