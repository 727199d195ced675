"""An issuing authority that the root has revoked: nothing new comes of it (security 2.5)."""

from __future__ import annotations

from cards import NOW
from pki_bench import PkiBench, p256, refused

from tallystick.authority.reference.pki import lists, operations, queries
from tallystick.authority.reference.pki.values import Reason, Wish
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_orders import responder_order
from tallystick.crypto.revocation_lists import ROOT_LIST_LIFETIME, RevokedSerial, prepare_list, sign_list


def root_list_with(bench: PkiBench, name: str) -> bytes:
    """The root's next list, with an issuing authority on it."""
    before = queries.newest_list(bench.conn, "root")
    number = 1 if before is None else before.number + 1
    serial = read_facts(bench.pki.authority_certificate(name)).serial
    root = bench.pki.authority("root")
    line = RevokedSerial(serial, NOW, Reason.CA_COMPROMISE)
    return sign_list(root, prepare_list(root, number, [line], NOW, ROOT_LIST_LIFETIME))


def test_ts_3024_nothing_new_of_an_authority_that_the_root_has_revoked(bench: PkiBench) -> None:
    """Neither issued here nor entered from elsewhere; the database forgets the list at the end of the test."""
    lists.take(bench.conn, "root", root_list_with(bench, "device-ca"), "officer:anna", NOW)
    key = PublicKey(p256().public_key())
    wish = Wish(holder="service:y", request=b"y", requested_by="process:pki", purpose="test")
    authority = bench.services.authority("device-ca")
    certificate = authority.issue(responder_order("device-ca", key), NOW)
    with refused("TS-3024"):
        operations.enter_issued(bench.conn, "device-ca", "ocsp-responder", certificate, wish, NOW)
    with refused("TS-3024"):
        operations.issue(bench.conn, "device-ca", authority, responder_order("device-ca", key), wish, NOW)
