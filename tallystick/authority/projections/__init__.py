"""Everything that follows the ledger."""
