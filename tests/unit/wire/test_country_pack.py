"""Country packs: the ones we ship load, and a wrong one is refused with file and line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.kernel.algorithms import Algorithm, Purpose, Status
from tallystick.kernel.country_pack import CountryPack, PackageRetention, Tolerances
from tallystick.kernel.fixed_point import Money, Rate
from tallystick.kernel.invoice import InvoiceRequest, InvoiceType, TaxCategoryType, TransactionType
from tallystick.kernel.judgement import check_buyer_id
from tallystick.kernel.tax_rates import group_at
from tallystick.ops.packs import COUNTRIES, available_packs, load_pack
from tallystick.wire.country_pack import PackError, parse_pack
from tallystick.wire.journal import LANGUAGES

NOW = datetime(2026, 3, 2, tzinfo=UTC)
REFERENCE = (COUNTRIES / "AQ" / "pack.toml").read_text(encoding="utf-8")

SMALLEST = """
[country]
code = "XX"
name = "Smallest"
currency = "XXX"
currency_places = 0
environment = [1, 2]
time_zone = "UTC"
server_time_zone = "UTC"
languages = ["en-US"]
tin_pattern = ".+"
package_retention = "poa"

[organization]
name = "Office"
street = "Street 1"
city = "Town"
country = "XX"

[card]
limit = 100
max_category_order_id = 1

[[tax_group]]
id = 1
valid_from = 2020-01-01T00:00:00Z

[[tax_group.category]]
name = "VAT"
type = "tax-on-net"
order_id = 1
rates = { A = 0.5 }

[departments]
default = "A"

[departments.labels]
"""


def refusal(toml: str) -> PackError:
    with pytest.raises(PackError) as caught:
        parse_pack(toml.encode(), "pack.toml")
    return caught.value


@pytest.mark.parametrize("code", available_packs())
def test_every_pack_that_we_ship_loads_and_can_sell_today(code: str) -> None:
    pack = load_pack(code)
    group = group_at(pack.tax_groups, NOW)
    assert group is not None
    assert {pack.label_for(department) for department in (*pack.department_labels, None)} <= group.labels()
    assert NOW.astimezone(ZoneInfo(pack.time_zone)) == NOW


def test_s2_010_the_reference_pack() -> None:
    pack = load_pack("AQ")
    assert (pack.currency, pack.environment) == ("XTS", (1, 9))
    assert pack.languages == ("en-US", "sr-Cyrl-RS", "sr-Latn-RS")
    assert {"en-US", "sr-Cyrl-RS", "sr-Latn-RS"} == set(load_pack("RS").languages)


def test_k_07_the_two_retention_policies_are_packs() -> None:
    assert load_pack("AQ").package_retention is PackageRetention.STATUS_4
    assert load_pack("RS").package_retention is PackageRetention.PROOF_OF_AUDIT


def test_s2_040_all_three_category_kinds_occur_in_the_reference_packs_departments() -> None:
    pack = load_pack("AQ")
    kind_of = {
        rate.label: category.category_type for category in pack.tax_groups[-1].categories for rate in category.rates
    }
    used = {kind_of[pack.label_for(department)] for department in ("SPIRITS", "FUEL", "RESTAURANT", "GROCERY", None)}
    assert used == set(TaxCategoryType)


def test_the_serbia_like_pack() -> None:
    pack = load_pack("RS")
    rates = {
        rate.label: (category.name, rate.rate) for category in pack.tax_groups[-1].categories for rate in category.rates
    }
    assert rates == {
        "Ђ": ("О-ПДВ", Rate.of("20")),
        "Е": ("П-ПДВ", Rate.of("10")),
        "Г": ("Без ПДВ", Rate.of("0")),
        "А": ("Није у ПДВ", Rate.of("0")),
    }
    assert (pack.environment, pack.time_zone) == ((5, 8), "Europe/Belgrade")
    assert pack.server_time_zone == "Central Europe Standard Time"


def test_the_georgia_like_pack() -> None:
    pack = load_pack("GE")
    rates = {
        rate.label: (category.name, rate.rate) for category in pack.tax_groups[-1].categories for rate in category.rates
    }
    assert rates == {
        "ა": ("დღგ", Rate.of("18")),
        "ბ": ("დღგ", Rate.of("0")),
        "გ": ("დღგ-ს გარეშე", Rate.of("0")),
    }
    assert (pack.currency, pack.time_zone, pack.languages) == ("GEL", "Asia/Tbilisi", ("ka-GE", "en-US"))
    assert all(re.fullmatch(pack.tin_pattern, tin) for tin in ("123456789", "12345678901"))
    assert not any(re.fullmatch(pack.tin_pattern, tin) for tin in ("12345678", "1234567890", "12345678A"))


@pytest.mark.parametrize("code", available_packs())
def test_every_pack_has_receipts_in_its_first_language_and_in_english(code: str) -> None:
    languages = load_pack(code).languages
    assert set(languages) <= set(LANGUAGES)
    assert "en-US" in languages


def test_georgian_labels_are_taken_and_their_capitals_are_not() -> None:
    georgian = SMALLEST.replace("A = 0.5", '"ა" = 0.5').replace('"A"', '"ა"')
    assert parse_pack(georgian.encode(), "pack.toml").default_label == "ა"
    capital = chr(0x1C90)
    message = str(refusal(SMALLEST.replace("A = 0.5", f'"{capital}" = 0.5').replace('"A"', f'"{capital}"')))
    assert "one upper-case character" in message


@pytest.mark.parametrize("buyer", ["10:100181732", "12:100181732:12345", "20:0", "40:XY 1", "36:АБ"])
def test_buyer_codes_of_the_serbia_like_pack(buyer: str) -> None:
    check_buyer_id(buyer, load_pack("RS").buyer_id_pattern)


@pytest.mark.parametrize("buyer", ["100181732", "17:1", "12:100181732", "10:1:2", "99:1", "10:"])
def test_other_buyer_codes_are_not_of_that_form(buyer: str) -> None:
    with pytest.raises(Exception, match="TS-2007"):
        check_buyer_id(buyer, load_pack("RS").buyer_id_pattern)


def test_references_need_their_time_where_the_pack_says_so() -> None:
    sale = InvoiceRequest(invoice_type=InvoiceType.NORMAL, transaction_type=TransactionType.SALE, payments=(), items=())
    refund = InvoiceRequest(
        invoice_type=InvoiceType.NORMAL, transaction_type=TransactionType.REFUND, payments=(), items=()
    )
    assert load_pack("RS").needs_reference_time(refund)
    assert not load_pack("RS").needs_reference_time(sale)
    assert not load_pack("AQ").needs_reference_time(refund)


def test_the_smallest_pack_has_the_defaults() -> None:
    pack = parse_pack(SMALLEST.encode(), "pack.toml")
    assert pack.tolerances == Tolerances(future_minutes=10, past_days=None, reference_past_days=None)
    assert (pack.buyer_id_pattern, pack.reference_time_required) == (None, False)
    assert pack.card_limit == Money.of(Decimal(100))
    assert pack.label_for("ANY") == "A"


def test_tolerances_as_the_judgement_takes_them() -> None:
    table = "\n[tolerances]\nfuture_minutes = 5\npast_days = 30\nreference_past_days = 365\n"
    limits = parse_pack((SMALLEST + table).encode(), "pack.toml").tolerances
    assert (limits.future, limits.past) == (timedelta(minutes=5), timedelta(days=30))
    assert limits.reference_past == timedelta(days=365)
    assert (Tolerances().past, Tolerances().reference_past) == (None, None)


@pytest.mark.parametrize(
    ("right", "also_right"),
    [
        ("currency_places = 0", "currency_places = 4"),
        ("[1, 2]", "[268435455, 1]"),
        ("id = 1\nvalid", "id = 2147483647\nvalid"),
        ("id = 1\nvalid", "id = 0\nvalid"),
        ("order_id = 1\nrates", "order_id = 0\nrates"),
        ("max_category_order_id = 1", "max_category_order_id = 12"),
        ("limit = 100", "limit = 0.0001"),
        ("{ A = 0.5 }", '{ A = 0, "Ж" = 0.12345678 }'),
    ],
)
def test_the_bounds_themselves_are_fine(right: str, also_right: str) -> None:
    assert SMALLEST.count(right) == 1
    parse_pack(SMALLEST.replace(right, also_right).encode(), "pack.toml")


def test_windows_line_ends_are_no_difference() -> None:
    assert parse_pack(SMALLEST.replace("\n", "\r\n").encode(), "pack.toml").code == "XX"
    wrong = SMALLEST.replace("\n", "\r\n").replace('"poa"', '"never"')
    assert refusal(wrong).line == refusal(wrong.replace("\r\n", "\n")).line == 12


def test_an_algorithm_ends_on_the_packs_day() -> None:
    rules = """
[[algorithm]]
algorithm = "rsa-2048-pkcs1-sha1"
purpose = "secure-element"
status = "wire-required"

[[algorithm]]
algorithm = "rsa-2048-pkcs1-sha1"
purpose = "secure-element"
status = "verify-legacy-only"
since = 2028-07-01T00:00:00Z
"""
    registry = parse_pack((SMALLEST + rules).encode(), "pack.toml").algorithms
    key = Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT
    assert registry.status(*key, NOW) is Status.WIRE_REQUIRED
    assert registry.status(*key, datetime(2028, 7, 1, tzinfo=UTC)) is Status.VERIFY_LEGACY_ONLY


@pytest.mark.parametrize(
    ("right", "wrong", "line", "words"),
    [
        ('code = "XX"', 'code = "xx"', 3, "code must have the form"),
        ('code = "XX"', 'code = "XX"\nmotto = "x"', 4, "motto is not known here"),
        ('name = "Smallest"', "name = 7", 4, "name must be text"),
        ("currency_places = 0", "currency_places = 9", 6, "between 0 and 4"),
        ("currency_places = 0", "currency_places = true", 6, "a whole number"),
        ("[1, 2]", "[1]", 7, "two integers"),
        ("[1, 2]", '[1, "2"]', 7, "list of a whole number"),
        ("[1, 2]", "[1, 2", 8, "TOML|array|at line"),
        ("[1, 2]", "[0, 2]", 7, "two integers"),
        ("[1, 2]", "[1, 268435456]", 7, "two integers"),
        ("id = 1\nvalid", "id = -1\nvalid", 25, "between 0 and 2147483647"),
        ("id = 1\nvalid", "id = 2147483648\nvalid", 25, "between 0 and 2147483647"),
        ("order_id = 1\nrates", "order_id = 256\nrates", 31, "between 0 and 255"),
        ("order_id = 1\nrates", "order_id = -1\nrates", 31, "between 0 and 255"),
        ("[departments]", "[tolerances]\npast_days = 366001\n[departments]", 35, "between 0 and 366000"),
        ('time_zone = "UTC"', 'time_zone = "Mars/North"', 8, "IANA"),
        ('time_zone = "UTC"', 'time_zone = "../../etc/passwd"', 8, "IANA"),
        ('["en-US"]', "[]", 10, "at least one"),
        ('["en-US"]', '["en-US", "en-US"]', 10, "distinct"),
        ('".+"', '"("', 11, "regular expression"),
        ('"poa"', '"never"', 12, "one of status_4, poa"),
        ("limit = 100", "limit = -100", 21, "more than 0"),
        ("limit = 100", "limit = 0", 21, "more than 0"),
        ("limit = 100", "limit = 0.00001", 21, "decimals"),
        ("limit = 100", 'limit = "100"', 21, "a whole number"),
        ("max_category_order_id = 1", "max_category_order_id = 13", 22, "between 1 and 12"),
        ("order_id = 1\nrates", "order_id = 2\nrates", 22, "more than the card counts"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00", 26, "offset from UTC"),
        ("2020-01-01T00:00:00Z", '"yesterday"', 26, "valid_from must be"),
        ('"tax-on-net"', '"tax"', 30, "one of tax-on-net"),
        ("{ A = 0.5 }", "{}", 32, "at least one rate"),
        ("{ A = 0.5 }", "{ AB = 0.5 }", 32, "one upper-case character"),
        ("{ A = 0.5 }", "{ a = 0.5 }", 32, "one upper-case character"),
        ("{ A = 0.5 }", "{ A = -0.5 }", 32, "must not be negative"),
        ("{ A = 0.5 }", "{ A = 0.123456789 }", 32, "decimals"),
        ("{ A = 0.5 }", '{ A = "nine" }', 32, "a whole number"),
        ('default = "A"', 'default = "B"', 35, "not in the newest tax_group"),
        ("[departments.labels]", '[departments.labels]\n"MEAT" = "B"', 38, "not in the newest tax_group"),
        ("[departments]", "[tolerances]\npast_days = -1\n[departments]", 35, "between 0"),
        ("[departments]", "[tolerances]\npast_weeks = 1\n[departments]", 35, "not known here"),
        ("[departments]", '[[algorithm]]\nalgorithm = "rot13"\n[departments]', 35, "one of sha-256"),
        ("[departments]", "[holidays]\n[departments]", 34, "holidays is not known here"),
        ("[card]", "[cards]", 1, "card is missing"),
        ("street =", "straße =", 16, "at line|TOML|Invalid|Expected"),
    ],
)
def test_a_wrong_pack_is_refused_with_file_and_line(right: str, wrong: str, line: int, words: str) -> None:
    assert SMALLEST.count(right) >= 1
    problem = refusal(SMALLEST.replace(right, wrong, 1))
    assert str(problem).startswith(f"pack.toml:{line}: ")
    assert any(word in str(problem) for word in words.split("|"))


def test_two_groups_or_two_labels_of_one_name_are_refused_at_their_own_line() -> None:
    group = SMALLEST[SMALLEST.index("[[tax_group]]") : SMALLEST.index("[departments]")]
    twice = SMALLEST.replace("[departments]", group + "[departments]", 1)
    assert (refusal(twice).line, "stands twice" in str(refusal(twice))) == (35, True)
    category = group[group.index("[[tax_group.category]]") :]
    again = SMALLEST.replace("[departments]", category + "[departments]", 1)
    assert (refusal(again).line, "no other rate" in str(refusal(again))) == (38, True)


def test_lines_are_right_after_long_values() -> None:
    """Values over several lines, with quotes, brackets and comments inside, must not shift what follows."""
    long = 'name = """\n[country]\ncode = "#\n"""  # [x]\n'
    spread = SMALLEST.replace('name = "Smallest"\n', long).replace("[1, 2]", "[  # two\n  1,\n  2,\n]")
    assert parse_pack(spread.encode(), "pack.toml").environment == (1, 2)
    assert refusal(spread.replace('"poa"', '"never"')).line == 12 + 3 + 3


def test_bytes_that_are_not_utf_8() -> None:
    with pytest.raises(PackError, match=r"^pack.toml:3: not UTF-8"):
        parse_pack(b"[country]\ncode = 'XX'\nname = '\xff'\n", "pack.toml")


def test_a_pack_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="there is no such pack; there are AQ, GE, RS"):
        load_pack("ZZ")
    with pytest.raises(PackError, match="there are none"):
        load_pack("../AQ", tmp_path)


def test_a_pack_in_the_wrong_folder(tmp_path: Path) -> None:
    (tmp_path / "ZZ").mkdir()
    (tmp_path / "ZZ" / "pack.toml").write_text(SMALLEST, encoding="utf-8")
    with pytest.raises(PackError, match="the folder is ZZ, but the pack says XX"):
        load_pack("ZZ", tmp_path)


lines_of_the_pack = st.lists(st.sampled_from(REFERENCE.splitlines()), max_size=40).map("\n".join)


@given(st.one_of(st.binary(max_size=200), lines_of_the_pack.map(str.encode)))
@settings(max_examples=300)
def test_any_bytes_are_a_pack_or_an_error_with_a_line(content: bytes) -> None:
    try:
        pack = parse_pack(content, "pack.toml")
    except PackError as problem:
        lines = content.count(b"\n") + 1
        refused_at = problem.line
        assert 1 <= refused_at <= lines
    else:
        assert isinstance(pack, CountryPack)


@given(st.integers(0, len(REFERENCE) - 1), st.characters(codec="utf-8"))
@settings(max_examples=300)
def test_one_changed_character_is_a_pack_or_an_error_with_a_line(position: int, character: str) -> None:
    changed = REFERENCE[:position] + character + REFERENCE[position + 1 :]
    try:
        parse_pack(changed.encode(), "pack.toml")
    except PackError as problem:
        refused_at = problem.line
        assert 1 <= refused_at <= changed.count("\n") + 1
