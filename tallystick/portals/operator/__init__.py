"""The operator's pages: the country live (S0-002, S0-010, E-15)."""
