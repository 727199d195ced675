"""Who signed a manifest or a head report: the steps of a document's proof, for what is no document (S0-087)."""

from __future__ import annotations

from tallystick.authority.intake.national.ports import NationalDevices
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.reference.registry.values import DeviceCertificate
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.signatures import verify_es256
from tallystick.kernel.faults import Fault
from tallystick.wire.document_jws import SignedDocument
from tallystick.wire.offline_batch import HeadReport, SignedManifest


def check_manifest(
    devices: NationalDevices, audience: str, sender: Sender, signed: SignedManifest
) -> tuple[SignedManifest, DeviceCertificate]:
    """The certificate that signed; a revoked one is no fault here: what it sealed is kept apart.

    Raises ``TS-2405`` (a class that may not be off line), ``TS-1311``, ``TS-1108``, ``TS-1312``, ``TS-1313``.
    """
    return signed, _signer(devices, audience, sender, signed.signed)


def check_head(devices: NationalDevices, audience: str, sender: Sender, report: HeadReport) -> None:
    """Raises as `check_manifest`."""
    _signer(devices, audience, sender, report.signed)


def check_class(devices: NationalDevices, sender: Sender) -> None:
    """Only hardware with write-once memory may bring documents later; ``TS-2405`` for all others."""
    device = devices.device(sender.uid)
    if sender.device_class is not DeviceClass.HARDWARE or (
        device is not None and device.device_class is not DeviceClass.HARDWARE
    ):
        raise Fault("TS-2405", detail="only certified hardware with write-once memory may work off line")


def _signer(devices: NationalDevices, audience: str, sender: Sender, signed: SignedDocument) -> DeviceCertificate:
    check_class(devices, sender)
    header = signed.header
    certificate = devices.certificate(header.kid)
    if certificate is None:
        raise Fault("TS-1311", detail="no certificate of this signer was issued here")
    if header.audience != audience:
        raise Fault("TS-1108", detail="signed for another environment")
    verify_es256(certificate.public_key, signed.signing_input, signed.signature)
    if not certificate.uid == header.device == sender.uid:
        raise Fault("TS-1313", detail="signer, device and connection are not the same device")
    return certificate
