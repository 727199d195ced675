"""The one pipeline that every document passes on its way into the ledger."""
