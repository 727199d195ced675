"""Steps 6 and 7 for audit packages: who signed, what was signed, and whether everything names the same act.

Every function passes silently or raises one fault. The order inside the steps is that of the TaxCore wire, 6.6.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Awaitable

from tallystick.authority.intake.package import Package
from tallystick.authority.intake.ports import PackageRules
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import is_mrc
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.kernel.invoice import counter_index
from tallystick.wire import verification_url
from tallystick.wire.card import InternalData, signed_text
from tallystick.wire.verification_url import VerificationData

_CARDS = frozenset({CertificateClass.V33, CertificateClass.V38})
_URL_PARAMETER = "vl="
_IDENTITY_POINTERS = frozenset({"/result/requestedBy", "/result/signedBy", "/result/totalCounter"})
_JUDGED_POINTERS = _IDENTITY_POINTERS | {
    "/result/tin",
    "/result/mrc",
    "/result/verificationUrl",
    "/result/taxGroupRevision",
    "/request/payment",
    "/request/referentDocumentDT",
}
"""Fields with a check of their own, which sees that they are empty."""


def signer_is_known(rules: PackageRules, package: Package) -> None:
    """Status 8: the certificate must be one that this environment has issued."""
    signer = rules.directory.secure_element(package.result.signed_by)
    if signer is None:
        raise Fault("TS-1311", detail="no certificate of this signer was issued here")
    if signer.certificate_class not in _CARDS:
        raise Fault("TS-1311", detail="the certificate of this UID is not that of a card")
    package.signer = signer
    if signer.environment != rules.environment:
        raise Fault("TS-1108", detail="the signer's certificate belongs to another environment")


def hosted_pair_is_known(rules: PackageRules, package: Package) -> None:
    """Behind a hosted signer stand two: the operator's signing element, and the POS that asked it."""
    signer = rules.directory.secure_element(package.result.signed_by)
    requester = rules.directory.secure_element(package.result.requested_by)
    if signer is None or not signer.signs_for_others:
        raise Fault("TS-1311", detail="signedBy is no hosted signer of ours")
    if requester is None or requester.certificate_class is not CertificateClass.V32:
        raise Fault("TS-1311", detail="requestedBy is no POS of ours")
    package.signer, package.requester = signer, requester
    if not signer.environment == requester.environment == rules.environment:
        raise Fault("TS-1108", detail="a certificate belongs to another environment")


def signature_is_good(_: PackageRules, package: Package) -> None:
    """Status 2, over the 321 or 577 bytes that the card signs; their hash is the identity of the act.

    The signed time is that of ``sdcDateTime``. Where that fails and the verification URL carries another time that the
    signature does cover, the signature is good and it is the time that is wrong (status 67).
    """
    package.signed_ms = unix_ms(package.result.sdc_time)
    text = _text(package)
    try:
        verify_invoice_signature(package.element.public_key, text, package.result.signature)
    except Fault as fault:
        if fault.code != "TS-1312":
            raise
        package.signed_ms = _time_in_url(package, fault)
        text = _text(package)
        verify_invoice_signature(package.element.public_key, text, package.result.signature)
    package.signed_at = from_unix_ms(package.signed_ms)
    package.act_hash = sha256(text)


def _text(package: Package) -> bytes:
    request, result = package.request, package.result
    try:
        return signed_text(
            package.signed_ms,
            package.owner.tin,
            (request.buyer_id or "").encode(),
            request.invoice_type,
            request.transaction_type,
            result.total_amount,
            result.type_counter,
            result.total_counter,
            result.encrypted_internal_data,
        )
    except Fault as fault:
        # What does not fit the card's fields was never signed by a card.
        raise Fault("TS-1312", detail=fault.detail) from None


def _time_in_url(package: Package, fault: Fault) -> int:
    try:
        said = verification_url.from_url(package.result.verification_url or "")
    except Fault:
        raise fault from None
    if said.time_ms == package.signed_ms:
        raise fault
    return said.time_ms


def not_revoked_then(_: PackageRules, package: Package) -> None:
    """Status 6: a certificate that was revoked when the invoice was signed."""
    if package.element.may_not_have_signed(package.signed_at, package.received_at):
        raise Fault("TS-1104", detail="the signer was revoked when this was signed, or may be in other hands")


def not_expired_then(_: PackageRules, package: Package) -> None:
    """S2-025: signed from the end of the certificate on, or before its start; booked and marked invalid (K-25)."""
    if not package.element.not_before <= package.signed_at < package.element.not_after:
        raise Fault("TS-1103", detail="signed outside the validity of the certificate", audit_status=4)


def requester_was_admitted(_: PackageRules, package: Package) -> None:
    """The POS's certificate held when the hosted signer signed."""
    owner = package.owner
    if owner.may_not_have_signed(package.signed_at, package.received_at):
        raise Fault("TS-1104", detail="the requester was revoked when this was signed, or may be in other hands")
    if not owner.not_before <= package.signed_at < owner.not_after:
        raise Fault("TS-1103", detail="signed outside the validity of the requester's certificate", audit_status=4)


def hosted_names_agree(_: PackageRules, package: Package) -> None:
    """The TIN and the requester are those of the POS that asked, and all names are of one number."""
    result, owner = package.result, package.owner
    if result.seller.tin != owner.tin or owner.tin != package.token_tin:
        raise Fault("TS-1313", detail="the TIN is not that of the taxpayer who asked")
    if result.requested_by != package.token_uid:
        raise Fault("TS-1313", detail="requestedBy is not the POS that asked")
    if any(fault.pointer in _IDENTITY_POINTERS for fault in package.data.reading_faults):
        raise Fault("TS-1313", detail="requestedBy, signedBy or totalCounter differ from the invoice number")


def names_agree(_: PackageRules, package: Package) -> None:
    """Status 72: TIN, signedBy, requestedBy and the number must name one card of one taxpayer."""
    result, element = package.result, package.element
    if result.seller.tin != element.tin:
        raise Fault("TS-1313", detail="the TIN is not that of the signer's taxpayer")
    if result.requested_by != element.uid:
        raise Fault("TS-1313", detail="requestedBy is not the card that signed")
    if any(fault.pointer in _IDENTITY_POINTERS for fault in package.data.reading_faults):
        raise Fault("TS-1313", detail="requestedBy, signedBy or totalCounter differ from the invoice number")


def everything_was_read(_: PackageRules, package: Package) -> None:
    """A field that could not be understood and has no number of its own on the wire: kept until decided."""
    unread = tuple(fault for fault in package.data.reading_faults if fault.pointer not in _JUDGED_POINTERS)
    if unread:
        raise Fault("TS-1220", detail="a field cannot be understood", fields=unread)


def url_is_present(_: PackageRules, package: Package) -> None:
    """Status 78."""
    if not package.result.verification_url:
        raise Fault("TS-1220", detail="verificationUrl is missing", audit_status=78)


def mrc_is_well_formed(_: PackageRules, package: Package) -> None:
    """Status 24, for a missing MRC as well."""
    if not is_mrc(package.result.mrc or ""):
        raise Fault("TS-1220", detail="mrc is missing or malformed", audit_status=24)


def payment_is_present(_: PackageRules, package: Package) -> None:
    """Status 71."""
    if not package.request.payments:
        raise Fault("TS-1220", detail="payment is missing", audit_status=71)


def journal_is_present(_: PackageRules, package: Package) -> None:
    """S2-065: flagged, for the sale stands; the wire has no number for it."""
    if not package.result.journal:
        raise Fault("TS-1317", detail="the journal is missing")


def url_says_the_same(_: PackageRules, package: Package) -> None:
    """A verification URL that shows a buyer something else than the document: booked with a flag."""
    url = package.result.verification_url
    if not url:
        return
    expected = _expected_url_data(package)
    parameter = url.partition(_URL_PARAMETER)[2]
    if parameter and verification_url.to_url("", expected) == parameter:
        return
    try:
        if verification_url.from_url(url) == expected:
            return
    except Fault as fault:
        raise Fault("TS-1314", detail=fault.detail) from None
    raise Fault("TS-1314", detail="the verification URL says something else than the document")


def _expected_url_data(package: Package) -> VerificationData:
    request, result = package.request, package.result
    return VerificationData(
        requested_by=result.requested_by,
        signed_by=result.signed_by,
        total_counter=result.total_counter,
        type_counter=result.type_counter,
        amount=result.total_amount,
        time_ms=package.signed_ms,
        invoice_type=request.invoice_type,
        transaction_type=request.transaction_type,
        buyer_id=(request.buyer_id or "").encode(),
        encrypted_internal_data=result.encrypted_internal_data,
        signature=result.signature,
    )


def internal_data_opens(rules: PackageRules, package: Package) -> Awaitable[None] | None:
    """Status 3: opened by the unwrap process, in the same call as the package where the spelling was the usual one."""
    opened = package.opened
    if not _found_at(opened.plain, opened.position, package.result.encrypted_internal_data):
        return _ask_for_internal_data(rules, package)
    if not opened.internal:
        raise Fault("TS-1316", detail="the internal data cannot be opened")
    package.internal = InternalData.decode(opened.internal)
    return None


async def _ask_for_internal_data(rules: PackageRules, package: Package) -> None:
    package.internal = InternalData.decode(
        await rules.unwrap.open_internal_data(package.result.encrypted_internal_data)
    )


def _found_at(plain: bytes, position: int, sealed: bytes) -> bool:
    if not position:
        return False
    length = -(-len(sealed) // 3) * 4
    return b64decode(plain[position : position + length]) == sealed


def internal_data_agrees(_: PackageRules, package: Package) -> None:
    """Status 3: the card's own counters must say what was signed."""
    internal, request, result = package.internal, package.request, package.result
    if internal is None:
        return
    said = (
        internal.uid,
        internal.time_ms,
        internal.total_counter,
        internal.type_counters[counter_index(request.invoice_type, request.transaction_type)],
    )
    signed = (package.signed_by, package.signed_ms, result.total_counter, result.type_counter)
    if said != signed:
        raise Fault("TS-1316", detail="the internal data counts another invoice")
