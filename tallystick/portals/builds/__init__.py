"""Certified builds: a maker hands signed manifests in and sees how they stand, officers decide (S0-082, S0-083)."""
