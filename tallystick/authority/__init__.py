"""The operator's services: channels take documents in, intake checks, the ledger keeps, projections follow."""
