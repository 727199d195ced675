"""The operator's services: channels take documents in, intake checks them, the ledger keeps them, projections follow."""
