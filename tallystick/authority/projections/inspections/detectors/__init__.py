"""The three detectors of S0-004, kept apart on purpose: none imports another, and each has its own duty and switch."""
