"""Formats of the wire: bytes to kernel values and back, one module a format; no I/O."""
