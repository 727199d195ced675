"""What the PKI writes comes back as it was, and no bytes of a stranger lead anywhere but to a coded refusal."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from cards import NOW, country
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import example, given
from hypothesis import strategies as st
from pki_bench import csr, p256

from tallystick.authority.reference.pki.codes import code_hash, new_code, show_code
from tallystick.crypto.certificate_facts import read_device, read_facts, read_renewal_id
from tallystick.crypto.certificates import read_extension_text
from tallystick.crypto.der import integer, signed, tlv, utf8_string
from tallystick.crypto.est import certs_only, read_request
from tallystick.crypto.keys import KeyKind
from tallystick.crypto.national_oids import NationalArc
from tallystick.crypto.ocsp import MalformedQuestion, read_question
from tallystick.crypto.revocation_lists import read_list
from tallystick.kernel.faults import Fault
from tallystick.wire.est import read_base64, write_base64


@cache
def samples() -> dict[str, bytes]:
    pki = country().pki
    issuer = pki.authority("device-ca").certificate
    question = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, hashes.SHA256()).build()
    return {
        "certificate": pki.authority_certificate("device-ca"),
        "list": pki.files.root_list.read_bytes(),
        "question": question.public_bytes(Encoding.DER),
        "request": csr(p256()),
    }


@given(st.binary(max_size=300), st.integers(0, 255))
def test_an_element_has_the_shortest_length(content: bytes, tag: int) -> None:
    made = tlv(tag, content)
    size = len(content)
    head = 2 if size < 128 else 3 if size < 256 else 4
    assert (made[0], len(made), made[head:]) == (tag, head + size, content)


@given(st.text(max_size=300))
@example("\x1e\x0600\U00010000")
def test_a_text_extension_reads_back(text: str) -> None:
    assert read_extension_text(utf8_string(text)) == text.strip("\0 \r\n")


@given(st.integers(0, 2**40))
def test_an_integer_is_positive_and_shortest(number: int) -> None:
    made = integer(number)
    assert int.from_bytes(made[2:], "big", signed=True) == number
    assert len(made) == 2 + number.bit_length() // 8 + 1


@given(st.sampled_from([ec.SECP256R1(), ec.SECP384R1()]))
def test_what_is_put_together_is_what_the_library_puts_together(curve: ec.EllipticCurve) -> None:
    """Taken apart and put together again: the same bytes."""
    key, name = ec.generate_private_key(curve), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 5, NOW, NOW)
    is_p384 = isinstance(curve, ec.SECP384R1)
    made = builder.sign(key, hashes.SHA384() if is_p384 else hashes.SHA256())
    kind = KeyKind.P384 if is_p384 else KeyKind.P256
    assert signed(made.tbs_certificate_bytes, kind, made.signature) == made.public_bytes(Encoding.DER)


@given(st.binary(min_size=1, max_size=2_000), st.sampled_from([b"", b"\n", b"\r\n ", b"\t"]))
def test_base64_of_est_reads_back_whatever_stands_between(der: bytes, between: bytes) -> None:
    text = write_base64(der)
    assert all(len(line) <= 64 for line in text.splitlines())
    assert read_base64(text) == der
    assert read_base64(between.join(bytes((byte,)) for byte in text)) == der
    framed = b"-----BEGIN CERTIFICATE REQUEST-----\n" + text + b"-----END CERTIFICATE REQUEST-----\n"
    assert read_base64(framed) == der


@given(st.binary(max_size=200))
def test_a_body_of_est_is_der_or_a_coded_refusal(body: bytes) -> None:
    try:
        read_base64(body)
    except Fault as fault:
        assert fault.code == "TS-3002"  # noqa: PT017 - any other exception fails the test by itself


@given(st.sampled_from(["certificate", "list", "question", "request"]), st.data())
def test_altered_and_cut_bytes_are_refused_with_a_code(kind: str, data: st.DataObject) -> None:
    whole = bytearray(samples()[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    given_bytes = bytes(whole)[: data.draw(st.integers(0, len(whole)))]
    issuer = country().pki.authority_certificate("root")
    readers: dict[str, Callable[[], object]] = {
        "certificate": lambda: (read_facts(given_bytes), read_device(given_bytes, NationalArc())),
        "list": lambda: read_list(given_bytes, issuer, NOW),
        "question": lambda: read_question(given_bytes),
        "request": lambda: read_request(given_bytes),
    }
    try:
        readers[kind]()
    except (Fault, MalformedQuestion):
        return


@given(st.text(max_size=90))
def test_an_identifier_of_renewal_is_read_or_refused(text: str) -> None:
    try:
        key, serial = read_renewal_id(text)
    except Fault as fault:
        assert fault.code == "TS-3022"  # noqa: PT017 - any other exception fails the test by itself
    else:
        assert 16 <= len(key) <= 32
        assert serial >= 0


def test_an_identifier_of_renewal_names_its_certificate() -> None:
    facts = read_facts(samples()["certificate"])
    assert read_renewal_id(facts.renewal_id) == (facts.issuer_key_id, facts.serial)


def test_a_chain_of_est_is_a_pkcs_7_without_signature() -> None:
    from cryptography.hazmat.primitives.serialization import pkcs7

    chain = [country().pki.authority_certificate(name) for name in ("root", "device-ca")]
    read = pkcs7.load_der_pkcs7_certificates(certs_only(chain))
    assert {one.public_bytes(Encoding.DER) for one in read} == set(chain)


def test_a_code_is_found_however_it_is_typed() -> None:
    code = new_code()
    assert code_hash(show_code(code)) == code_hash(code.lower()) == code_hash(f" {code} ")
    assert code_hash(code) != code_hash(new_code())
    with pytest.raises(Fault, match="TS-3022"):
        read_renewal_id(code)
