"""A running register changes key and certificate between two documents (S0-034, S0-038)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from cards import country
from till_bench import Bench, without_flushes
from till_live import register_file

from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import certificates_of, pem_of
from tallystick.crypto.command_units import arc_of_device
from tallystick.crypto.keys import PrivateKey, PublicKey, generate_p256_key
from tallystick.crypto.national_oids import DeviceClass, NationalArc
from tallystick.crypto.national_orders import DeviceFacts, device_authority, device_order, device_profile
from tallystick.crypto.passphrase_keys import store_under_passphrase
from tallystick.crypto.signatures import verify_es256
from tallystick.device.ecr import enrolment, renewing
from tallystick.device.ecr.device_files import CERTIFICATE, KEY, DeviceFiles, Identity
from tallystick.device.ecr.needs import Delivered
from tallystick.device.ecr.orders import Register as RegisterOrder
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.renewing import Renewal
from tallystick.device.ecr.setup_file import RegisterFile, read_register_file
from tallystick.kernel.faults import Fault
from tallystick.kit.http_call import Reply
from tallystick.wire.document_jws import read_signed

UID = "TILL0001"
NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


def certified(key: PublicKey) -> bytes:
    pki = country().pki
    facts = DeviceFacts(
        uid=UID, device_class=DeviceClass.SOFTWARE, tin="100200300", taxpayer="Mill", premises="1",
        premises_name="Shop 1",
    )  # fmt: skip
    order = device_order(facts, key, pki.arc, device_profile(DeviceClass.SOFTWARE, pki.arc))
    return pki.authority(device_authority(DeviceClass.SOFTWARE)).issue(order, datetime.now(UTC))


@pytest.fixture
def files(tmp_path: Path) -> DeviceFiles:
    key = generate_p256_key()
    register_file(tmp_path)
    store_under_passphrase(tmp_path / KEY, key, "1234")
    (tmp_path / CERTIFICATE).write_bytes(pem_of(certified(key.public)))
    return DeviceFiles(tmp_path, "1234")


@attrs.define
class Held:
    """A way on which a document stays until it is let go."""

    sent: list[bytes] = attrs.field(factory=list)
    is_there: threading.Event = attrs.field(factory=threading.Event)
    goes_on: threading.Event = attrs.field(factory=threading.Event)

    def deliver(self, compact: bytes, now: datetime) -> Delivered:
        self.sent.append(compact)
        self.is_there.set()
        assert self.goes_on.wait(20)
        return Delivered(log_index=len(self.sent))


def test_a_document_names_the_certificate_of_the_key_that_signs_it_while_the_certificate_is_renewed(
    files: DeviceFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, bench, way = files.identity(), Bench(tmp_path / "bench"), Held()
    setup = bench.setup(certificate_hash=before.certificate_hash, not_after=before.not_after)
    register = Register(setup, bench.store, files.sign, way, None, bench.clock)
    old = files.key
    file = read_register_file(tmp_path)
    renewal = Renewal(files, file, lambda: None)
    has_come = threading.Event()

    def fetched(files: DeviceFiles, file: RegisterFile) -> None:
        files.take(certified(files.new_key().public), ())
        has_come.set()

    monkeypatch.setattr(renewing, "fetch_next", fetched)
    monkeypatch.setattr(renewing, "renewal_moment", lambda file, identity: NOW)
    monkeypatch.setattr(Register, "is_idle", lambda self: True)  # it was so a moment before
    selling = threading.Thread(target=lambda: register.issue("r", b"", RegisterOrder()))
    selling.start()
    assert way.is_there.wait(20)
    changing = threading.Thread(target=lambda: renewal.look(register, NOW + timedelta(days=1)))
    changing.start()
    assert has_come.wait(20)
    assert files.identity() == before, "not while a document is in hand"
    assert _signer(files) == old.public
    way.goes_on.set()
    selling.join(20)
    changing.join(20)
    after = files.identity()
    assert register.setup.certificate_hash == after.certificate_hash != before.certificate_hash
    for compact, key in zip(way.sent, [old], strict=True):
        _check(compact, before, key)


def _signer(files: DeviceFiles) -> PublicKey:
    return files.key.public


def _check(compact: bytes, identity: Identity, key: PrivateKey) -> None:
    signed = read_signed(compact)
    assert signed.header.kid == identity.certificate_hash
    verify_es256(key.public, signed.signing_input, signed.signature)


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [
        ("2026-11-01T00:00:00", "2026-11-02T00:00:00", 2 / 3),  # nobody says of which zone: no advice
        ("2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z", 5 / 6),
        ("2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z", 1 / 2),
        ("x", "y", 2 / 3),
    ],
)
def test_advice_is_followed_within_the_life_of_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, end: str, share: float
) -> None:
    """RFC 9773: a window that is none, or lies behind the certificate's end, must not let it end."""
    register_file(tmp_path, renewal="http://renewal.example")
    begin, life = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=362)
    identity = Identity(certificate_hash=bytes(32), not_before=begin, not_after=begin + life, renewal_id="a.b")
    body = f'{{"suggestedWindow": {{"start": "{start}", "end": "{end}"}}}}'.encode()
    monkeypatch.setattr(enrolment, "call", lambda url: Reply(200, {}, body))
    moment = enrolment.renewal_moment(read_register_file(tmp_path), identity)
    assert abs(moment - (begin + life * share)) < timedelta(seconds=1)


def test_a_cut_between_the_certificate_and_the_change_is_finished_at_the_next_start(files: DeviceFiles) -> None:
    made = certified(files.new_key().public)
    files.take(made, ())
    again = DeviceFiles(files.folder, "1234")
    assert again.identity().certificate_hash == read_facts(made).sha256
    assert (
        read_facts(certificates_of((files.folder / CERTIFICATE).read_bytes())[0]).key_hash
        == again.key.public.fingerprint
    )


def test_the_operators_arc_is_read_from_the_registers_own_certificate() -> None:
    facts = DeviceFacts(
        uid=UID, device_class=DeviceClass.SOFTWARE, tin="1", taxpayer="Shop", premises="1", premises_name="S"
    )
    arc, key = NationalArc("1.3.6.1.4.1.32473"), generate_p256_key()
    order = device_order(facts, key.public, arc, device_profile(DeviceClass.SOFTWARE, arc))
    assert arc_of_device(country().pki.authority("device-ca").issue(order, NOW)) == arc
    with pytest.raises(Fault, match="TS-1102"):
        arc_of_device(country().pki.authority_certificate("service-ca"))
