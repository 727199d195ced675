"""The operator's services: channels take in, intake checks, the ledger keeps, projections follow."""
