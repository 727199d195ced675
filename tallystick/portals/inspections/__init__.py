"""Cases that the detectors opened: officers read them and close them with a reason (S0-004, S0-006)."""
