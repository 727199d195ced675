"""The door of the national online channel: who gets in, what is answered, and the same bytes again."""

from __future__ import annotations

import base64
import ssl
import warnings
from datetime import timedelta
from itertools import count

import attrs
import pytest
from cards import country, rsa_key
from ecr_bench import PUBLIC, Door, certified
from ecr_till import AUDIENCE, TIN, Till

from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin
from tallystick.wire.document_jws import read_signed, read_time
from tallystick.wire.ecr_api import DEVICE_PATH, DOCUMENTS_PATH, DeviceStands, Registered, read_answer
from tallystick.wire.national_document import read_document
from tallystick.wire.receipt_code import read_receipt_code

_NUMBERS = count(1)


@pytest.fixture
def till(door: Door) -> Till:
    made = door.till(f"DOOR{next(_NUMBERS):04d}")
    made.begin()
    return made


def test_s0_054_a_receipt_gets_its_number_its_place_and_its_address(door: Door, till: Till) -> None:
    compact = till.compact()
    reply = till.post(compact)
    assert (reply.status, reply.headers["content-type"]) == (201, "application/json")
    told, signed = read_answer(Registered, reply.body), read_signed(compact)
    assert (told.number, told.kind, told.flags) == (f"{till.uid}-{till.uid}-3", "receipt", ())
    assert told.index == str(door.pipeline.taken[-1].log_index)
    assert read_time(told.received_at) == door.pipeline.taken[-1].received_ms
    assert told.verification_url.startswith(f"{PUBLIC}/r/")
    code = read_receipt_code(told.verification_url.rpartition("/")[2])
    assert (code.act_hash, code.signature, code.total) == (signed.act_hash, signed.signature, Money.of("5.7"))
    till.moved(compact, reply)
    assert till.submit().status == 201, "the link in the answer is the one to go on from"


def test_a_report_has_no_address(till: Till) -> None:
    assert "verification_url" in till.submit().json
    assert "verification_url" not in till.submit(till.closing()).json


def test_s0_037_the_same_bytes_get_the_same_answer_and_a_mark(door: Door, till: Till) -> None:
    compact = till.compact()
    first, again = till.post(compact), till.post(compact)
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert ("ts-replayed" in first.headers, again.headers["ts-replayed"]) == (False, "1")
    assert len(door.pipeline.taken) == 3


def test_the_code_as_an_image_when_it_is_asked_for(till: Till) -> None:
    compact = till.compact()
    plain, shown = till.post(compact), till.post(compact, f"{DOCUMENTS_PATH}?qr=1")
    assert "qr" not in plain.json
    assert base64.b64decode(shown.json["qr"]).startswith(b"GIF89a")
    assert {name: value for name, value in shown.json.items() if name != "qr"} == plain.json


def test_s0_036_order_faults_say_where_the_device_stands(till: Till) -> None:
    reply = till.post(till.compact(sequence=9))
    assert (reply.status, reply.code) == (409, "TS-1402")
    assert reply.json["expected"]["ts-seq"] == "3"
    assert reply.json["server_time"]
    assert till.post(till.compact()).status == 201


def test_the_newest_checkpoint_goes_out_and_what_comes_back_is_compared(door: Door, till: Till) -> None:
    reply = till.post(till.compact(), Ts_Checkpoint="b2xk")
    assert reply.headers["ts-checkpoint"] == door.checkpoints.newest
    assert door.checkpoints.brought == [("b2xk", f"device:{till.uid}")]
    assert till.ask("GET", DEVICE_PATH, Ts_Checkpoint="x" * 5_000).status == 200
    assert len(door.checkpoints.brought) == 1


def test_where_the_device_stands(till: Till) -> None:
    told = read_answer(DeviceStands, till.ask("GET", DEVICE_PATH).body)
    assert (told.uid, told.tin, told.device_class, told.audience) == (till.uid, TIN, "1", AUDIENCE)
    assert told.next is not None
    assert told.next.seq == "3"
    assert (told.offline.hours, told.window_seconds, told.state) == ("0", "120", "active")


def test_s0_087_only_write_once_memory_may_be_without_us(door: Door) -> None:
    hours = {}
    for device_class in (DeviceClass.SOFTWARE, DeviceClass.HARDWARE, DeviceClass.ERP):
        till = door.till(f"CLAS{next(_NUMBERS):04d}", device_class)
        hours[device_class] = till.ask("GET", DEVICE_PATH).json["offline"]["hours"]
    assert hours == {DeviceClass.SOFTWARE: "0", DeviceClass.HARDWARE: "72", DeviceClass.ERP: "0"}


def test_s0_034_tls_is_1_3_or_1_2_and_nothing_older(till: Till) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        till.close()
        till.context.minimum_version = till.context.maximum_version = version
        assert till.ask("GET", DEVICE_PATH).status == 200, version
    till.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        till.context.minimum_version = till.context.maximum_version = ssl.TLSVersion.TLSv1_1
    till.context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        till.ask("GET", DEVICE_PATH)
    till.context.minimum_version = till.context.maximum_version = ssl.TLSVersion.TLSv1_2
    till.context.set_ciphers("ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError):
        till.ask("GET", DEVICE_PATH)


def test_ts_1101_nobody_without_a_certificate(door: Door) -> None:
    reply = door.stranger().ask("GET", DEVICE_PATH)
    assert (reply.status, reply.code) == (401, "TS-1101")
    assert reply.headers["www-authenticate"]


def test_a_certificate_of_another_branch_or_country_ends_in_an_alert(door: Door) -> None:
    home = country()
    key, der = certified(country((1, 8)).pki, "FOREIGN1", DeviceClass.SOFTWARE, door.clock())
    of_card = rsa_key(0)
    card = home.pki.issue_pki_client(home.subject(), of_card.public.spki, at=door.clock())
    for whose, shown in ((key, der), (of_card, card)):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            door.stranger(whose, shown).ask("GET", DEVICE_PATH)


def test_ts_1102_a_certificate_that_is_not_in_the_register(door: Door) -> None:
    key, der = certified(door.pki, "UNENTERD", DeviceClass.SOFTWARE, door.clock())
    assert door.stranger(key, der).ask("GET", DEVICE_PATH).code == "TS-1102"


def test_ts_2405_a_certificate_of_a_hosted_signer(door: Door) -> None:
    key, der = certified(door.pki, "HOSTED01", DeviceClass.VSDC, door.clock())
    assert door.stranger(key, der).ask("GET", DEVICE_PATH).code == "TS-2405"


def test_ts_1103_an_expired_certificate_gets_its_code_and_no_alert(door: Door) -> None:
    old = door.till(f"OLDS{next(_NUMBERS):04d}", at=door.clock() - timedelta(days=500))
    assert old.ask("GET", DEVICE_PATH).code == "TS-1103"


def test_ts_1103_a_certificate_ends_while_its_connection_stays(door: Door, till: Till) -> None:
    assert till.ask("GET", DEVICE_PATH).status == 200
    door.clock.ahead = timedelta(days=400)
    try:
        assert till.ask("GET", DEVICE_PATH).code == "TS-1103"
    finally:
        door.clock.ahead = timedelta(0)


def test_ts_1104_a_revoked_certificate_and_at_once(door: Door, till: Till) -> None:
    known = door.view.certificates[till.kid]
    door.view.certificates[till.kid] = attrs.evolve(known, revoked_at=door.clock())
    reply = till.post(till.compact())
    assert (reply.status, reply.code) == (403, "TS-1104")
    assert len(door.pipeline.taken) == 2


def test_ts_1109_a_view_of_the_registry_that_is_too_old(door: Door, till: Till) -> None:
    door.view.age = timedelta(minutes=6)
    try:
        reply = till.ask("GET", DEVICE_PATH)
    finally:
        door.view.age = timedelta(0)
    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "TS-1109", "10")


def test_ts_1313_a_device_of_another_taxpayer_by_now(door: Door, till: Till) -> None:
    known = door.view.certificates[till.kid]
    door.view.certificates[till.kid] = attrs.evolve(known, tin=Tin("987654321"))
    assert till.ask("GET", DEVICE_PATH).code == "TS-1313"


def test_s1_015_and_s1_019_a_server_node_registers_and_closes(till: Till) -> None:
    assert till.submit(path="/node/v1/documents").status == 201
    refused = till.post(till.compact(), "/node/v1/closures")
    assert (refused.status, refused.code) == (422, "TS-1220")
    till.submit(till.closing())
    compact = till.compact(till.closure())
    first, again = till.post(compact, "/node/v1/closures"), till.post(compact)
    assert (first.status, again.status, again.body) == (201, 200, first.body)
    assert read_document(read_signed(compact).payload).kind == first.json["kind"]


def test_s1_016_without_a_queue_its_calls_say_so(till: Till) -> None:
    reply = till.ask("GET", "/node/v1/queue")
    assert (reply.status, reply.code) == (503, "TS-3240")
