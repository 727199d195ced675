"""What the check of the whole ledger says after the tests of a hosted signer."""

from __future__ import annotations

from vsdc_bench import Hosted

from tallystick.authority.ledger.findings import Finding
from tallystick.authority.ledger.sweep import SweepSources, full_check
from tallystick.crypto.keys import PublicKey, load_private_key
from tallystick.crypto.signatures import verify_ed25519
from tallystick.wire.signed_note import KeyType, NoteKey


def findings(hosted: Hosted) -> list[Finding]:
    """What the check of the whole ledger finds."""
    log_key = load_private_key(hosted.folder / "log-key.pem").public

    def check(public_key: bytes, message: bytes, signature: bytes) -> None:
        verify_ed25519(PublicKey.from_raw(public_key), message, signature)

    keys = (NoteKey("fdo.example/test/vsdc", KeyType.LOG, log_key.raw),)
    sources = SweepSources(mirror_folder=hosted.folder / "mirror", published_folder=None, keys=keys, check=check)
    return full_check(hosted.dsn, sources)
