"""A second opinion on a certificate before it is signed: pkilint's rules of RFC 5280, with an ASN.1 decoder of its own.

It shares neither code nor decoder with what builds certificates here or with our own lint, so that a mistake of one is
seen by the other.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

_SOURCE = "to be signed"
_OF_ROOTS = "pkix.authority_key_identifier_extension_absent"
"""RFC 5280, 4.2.1.1 lets a root leave it out; a throw-away signature does not show that one is a root."""
_LOCALHOST = 'pkix.invalid_domain_name_syntax Invalid domain name syntax: "localhost"'
"""A name of one label is in the preferred syntax (RFC 1034, 3.5), and RFC 6761 gives this one its meaning."""

_IN_SUBJECT = 'itu.invalid_asn1_syntax ASN.1 decoding failure occurred at "certificate.tbsCertificate.subject.'
_FINDING_CHARACTERS = 160


def second_lint(der: bytes, *, is_root: bool = False, takes_long_names: bool = False) -> list[str]:
    """Findings of severity error or worse, one sentence each; empty when the certificate may be signed.

    ``takes_long_names`` is for the TaxCore wire: its readers show names from the certificate as the registry has them,
    also where X.520 would cut them at 64 or 128 characters.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of packages below it, none of ours
        found = _findings(der)
    pardoned = {_LOCALHOST, _OF_ROOTS} if is_root else {_LOCALHOST}
    kept = [one for one in found if one not in pardoned and not (takes_long_names and _is_length_of_name(one))]
    return [f"second linter: {one[:_FINDING_CHARACTERS]}" for one in kept]


def _is_length_of_name(finding: str) -> bool:
    return finding.startswith(_IN_SUBJECT) and "ValueSizeConstraint" in finding


def _findings(der: bytes) -> list[str]:
    from pkilint import loader  # type: ignore[import-untyped]  # pkilint is not typed
    from pkilint.validation import (  # type: ignore[import-untyped]  # pkilint is not typed
        ValidationFindingSeverity,
    )

    try:
        document = loader.load_der_certificate(der, _SOURCE)
        results: list[Any] = _rules().validate(document.root)
    except Exception as error:  # whatever it cannot read is a finding, not a failure
        return [f"cannot be read ({type(error).__name__})"]
    return [
        f"{found.finding.code} {found.message or ''}".strip()
        for result in results
        for found in result.finding_descriptions
        if found.finding.severity <= ValidationFindingSeverity.ERROR
    ]


@cache
def _rules() -> Any:
    """The rules of RFC 5280 for issuer, validity, subject, extensions and key."""
    from pkilint.pkix import (  # type: ignore[import-untyped]  # pkilint is not typed
        certificate,
        extension,
        name,
    )

    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )
