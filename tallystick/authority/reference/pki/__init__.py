"""The national PKI: issuing by intent, lint and signature; enrolment and renewal; revocation; lists and OCSP.

Promises that each certificate has one row, one serial number and one holder of its key; that an authority's key is
never used without a row written before; that the same request gets the same certificate; and that a revocation is one
truth, the registry's, which lists, OCSP and every channel read. Owns the schema ``pki``. Carries S0-038 and, with the
registry, the revocation times of K-05 (security 2.2 to 2.5, 2.7).
"""
