"""The one append-only truth: bodies, records, five sequences and a Merkle log with signed checkpoints (S0-040, S0-041)."""
