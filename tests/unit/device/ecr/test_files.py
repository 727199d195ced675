"""What a register reads: its setup, its orders, its catalogue, its words; bad ones are coded faults."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from till_bench import Bench
from till_live import register_file

from tallystick.authority.reference.remote.operations import FETCH_MOST
from tallystick.crypto.keys import generate_p256_key
from tallystick.crypto.passphrase_keys import load_under_passphrase, store_under_passphrase
from tallystick.crypto.sealed_keys import WrongPassphrase
from tallystick.device.ecr.basket import Basket, BasketFile
from tallystick.device.ecr.catalogue import read_catalogue
from tallystick.device.ecr.channel import ANSWER_BYTES_MOST, HttpChannel
from tallystick.device.ecr.face.frame import MESSAGES
from tallystick.device.ecr.orders import Line
from tallystick.device.ecr.setup_file import read_register_file, setup_of
from tallystick.device.ecr.words import language_tags, words_of
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.national_document import DocumentKind
from tallystick.kernel.shifts import PAYMENT_WORDS
from tallystick.ops.till_tools import renew_register
from tallystick.wire.device_command import COMMAND_BYTES_MAX

END = datetime(2027, 1, 1, tzinfo=UTC)


def test_a_setup_file_becomes_a_register(tmp_path: Path) -> None:
    register_file(tmp_path)
    setup = setup_of(read_register_file(tmp_path), bytes(32), END)
    assert (setup.uid, setup.works_offline, setup.rate_groups[0].group_id) == ("TILL0001", False, 7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"uid": "till"},
        {"class": "cloud"},
        {"build": "AB"},
        {"currency": "euro"},
        {"time_zone": "Mars/Olympus"},
        {"rates": [{}]},
        {"shift_hours": "25"},
        {"languages": []},
        {"more": "1"},
        {"seller": {"tin": "ü", "business_name": "x"}},
        {"genesis": "not base64url!"},
    ],
)
def test_a_wrong_setup_file_says_what_is_wrong(tmp_path: Path, wrong: dict[str, object]) -> None:
    register_file(tmp_path, **wrong)
    with pytest.raises(Fault) as caught:
        setup_of(read_register_file(tmp_path), bytes(32), END)
    assert caught.value.code == "TS-3262"


@pytest.mark.parametrize("address", ["http://a.example", "https://", "https://a:x/", "a.example", "https://a:99999"])
def test_an_address_that_is_none_of_https_is_told(address: str) -> None:
    with pytest.raises(Fault) as caught:
        HttpChannel(address, ssl.create_default_context)
    assert caught.value.code == "TS-3262"


def test_no_setup_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        read_register_file(tmp_path)
    assert caught.value.code == "TS-3262"


def test_a_catalogue_is_found_by_code_and_by_words() -> None:
    found = read_catalogue(b'code,name,price,label\n4006381333931,Blue pen,1.20,A\n7,"Bread, dark",2.5,B\n')
    pen = found.find(" 4006381333931 ")
    assert pen is not None
    assert (pen.price, pen.gtin) == (Money.of("1.20"), "4006381333931")
    assert [one.code for one in found.search("dark BREAD", 5)] == ["7"]
    assert found.find("8") is None
    assert found.search("", 1)[0].gtin == "4006381333931"


HEAD = b"code,name,price,label\n"


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"code;name;price;label\n",
        HEAD + b"1,a,1\n",
        HEAD + b"1,a,x,A\n",
        HEAD + b"1,a,-1,A\n",
        HEAD + b",a,1,A\n",
        b"\xff\xfe",
        HEAD + b'"1\n',
        HEAD + b"1,a,1,A\n2,b,1,A\n1,a,2,A\n",
    ],
)
def test_a_wrong_catalogue_is_refused(wrong: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_catalogue(wrong)
    assert caught.value.code == "TS-3265"


def test_a_basket_survives_a_power_cut_and_counts_the_same_thing_in_one_line(tmp_path: Path) -> None:
    line = Line(name="Bread", quantity=Quantity.of("1"), price=Money.of("2"), labels=("A",))
    file = BasketFile(tmp_path)
    file.keep(file.basket.plus(line).plus(line))
    again = BasketFile(tmp_path).basket
    assert again == file.basket
    assert [one.quantity for one in again.lines] == [Quantity.of("2")]
    assert again.with_quantity(0, 0).lines == ()
    (tmp_path / "basket.json").write_bytes(b"{")
    assert BasketFile(tmp_path).basket.lines == Basket().lines


def test_a_key_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    key, path = generate_p256_key(), tmp_path / "device.key"
    store_under_passphrase(path, key, "1234")
    assert load_under_passphrase(path, "1234").public == key.public
    assert path.stat().st_mode & 0o777 == 0o600
    assert key.pkcs8[-32:] not in path.read_bytes()
    with pytest.raises(WrongPassphrase):
        load_under_passphrase(path, "4321")
    with pytest.raises(ValueError, match="4 to 128"):
        store_under_passphrase(path, key, "123")


def test_every_language_has_the_same_words() -> None:
    english = words_of("en-US").tables
    assert len(language_tags()) >= 3
    for tag in language_tags():
        tables = words_of(tag).tables
        assert {name: set(table) for name, table in tables.items()} == {
            name: set(table) for name, table in english.items()
        }
        assert all(word.strip() for table in tables.values() for word in table.values())
    assert set(english["payment"]) == set(PAYMENT_WORDS.values())
    assert {str(kind) for kind in DocumentKind} <= set(english["title"])
    assert set(english["till"]) >= MESSAGES
    assert set(english["fault"]) <= set(CATALOGUE)


def test_titles_fit_on_the_paper() -> None:
    for tag in language_tags():
        for title in words_of(tag).tables["title"].values():
            assert len(title) <= 38, f"{tag}: {title}"


def test_the_setup_is_strict_json(tmp_path: Path) -> None:
    (tmp_path / "register.json").write_text(json.dumps({"uid": 1})[:-1] + ',"uid":2}', encoding="utf-8")
    with pytest.raises(Fault) as caught:
        read_register_file(tmp_path)
    assert "TS-1212" in caught.value.detail


def test_a_register_reads_as_many_commands_as_it_is_given_at_a_time() -> None:
    """One that could not would never obey again."""
    assert ANSWER_BYTES_MOST > FETCH_MOST * COMMAND_BYTES_MAX + 64 * 1024


def test_a_register_that_runs_is_not_renewed_by_hand(tmp_path: Path) -> None:
    """Its process would sign with the old key, and could not read the new certificate."""
    register_file(tmp_path)
    bench = Bench(tmp_path)
    with pytest.raises(Fault) as caught:
        renew_register(tmp_path, "1234")
    bench.switch_off()
    assert caught.value.code == "TS-3258"
