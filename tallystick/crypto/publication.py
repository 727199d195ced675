"""Where an authority's revocation list, OCSP responder and own certificate are found: plain HTTP, one form for all."""

from __future__ import annotations

import attrs

CRL_PATH, ISSUER_PATH, OCSP_PATH = "/crl/", "/ca/", "/ocsp"
TIMESTAMP_PATH, TRUST_LIST_PATH = "/tsa", "/trust-list"
CRL_ENDING, ISSUER_ENDING = ".crl", ".cer"
DEFAULT_URL = "http://127.0.0.1:8441/"


@attrs.frozen(slots=True)
class Points:
    """The three addresses that certificates of one authority carry (RFC 5280, 4.2.1.13 and 4.2.2.1)."""

    crl: str
    ocsp: str
    issuer: str

    @classmethod
    def of(cls, base_url: str, name: str) -> Points:
        """Those of the authority ``name`` below an address."""
        base = base_url.rstrip("/")
        return cls(
            f"{base}{CRL_PATH}{name}{CRL_ENDING}",
            f"{base}{OCSP_PATH}",
            f"{base}{ISSUER_PATH}{name}{ISSUER_ENDING}",
        )
