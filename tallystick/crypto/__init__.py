"""Keys, signatures, envelopes and certificates; the only importer of a cryptography library."""
