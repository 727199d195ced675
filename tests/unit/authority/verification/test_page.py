"""The page itself: what readers of such pages look for, what a stranger's text may not do, and its weight."""

from __future__ import annotations

import base64
import gzip
import re

import attrs
import pytest
from public_bench import BROWSER, PublicBench

from benchmarks.package_maker import basket, sale
from tallystick.authority.projections.verification import page_parts, texts
from tallystick.authority.projections.verification.items import opened_document
from tallystick.authority.projections.verification.page import style
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import InvoiceType
from tallystick.wire.qr import qr_gif

LABELS = (
    "invoiceStatusLabel", "tinLabel", "shopFullNameLabel", "addressLabel", "cityLabel", "administrativeUnitLabel",
    "buyerIdLabel", "requestedByLabel", "invoiceTypeId", "transactionTypeId", "totalAmountLabel",
    "transactionTypeCounterLabel", "totalCounterLabel", "invoiceCounterExtensionLabel", "invoiceNumberLabel",
    "signedByLabel", "sdcDateTimeLabel",
)  # fmt: skip
WEIGHT_BYTES_MAX = 50 * 1024


@pytest.mark.parametrize("tag", PAGE_LANGUAGES)
def test_the_page_has_the_ids_that_readers_know_in_every_language(bench: PublicBench, tag: str) -> None:
    reply = bench.verify(bench.book().verification_url, BROWSER, cookie=f"localization={tag}")
    assert reply.status == 200
    assert set(LABELS) | {"PrintInvoice", "proof"} <= set(reply.ids)
    assert f'<html lang="{tag}">' in reply.text


def test_the_page_says_what_was_signed(bench: PublicBench) -> None:
    result = bench.book()
    ids = bench.verify(result.verification_url, BROWSER).ids
    assert {name: ids[name] for name in LABELS} == {
        "invoiceStatusLabel": "Invoice is verified",
        "tinLabel": "123456789",
        "shopFullNameLabel": "Corner Shop 1",
        "addressLabel": "Main Street 1",
        "cityLabel": "",
        "administrativeUnitLabel": "Centre",
        "buyerIdLabel": "",
        "requestedByLabel": "ABCD1234",
        "invoiceTypeId": "Normal",
        "transactionTypeId": "Sale",
        "totalAmountLabel": f"{result.total_amount.rounded(2)}",
        "transactionTypeCounterLabel": "1",
        "totalCounterLabel": "1",
        "invoiceCounterExtensionLabel": "NS",
        "invoiceNumberLabel": "ABCD1234-ABCD1234-1",
        "signedByLabel": "ABCD1234",
        "sdcDateTimeLabel": "21/11/2026 10:00:00",
    }


def test_readers_find_number_and_token_in_a_block_that_no_browser_runs(bench: PublicBench) -> None:
    page = bench.verify(bench.book().verification_url, BROWSER).text
    block = re.search(r'<script type="text/plain">(.*?)</script>', page)
    assert block is not None
    assert "viewModel.InvoiceNumber('ABCD1234-ABCD1234-1')" in block[1]
    assert re.search(r"viewModel\.Token\('[0-9a-f]{8}-[0-9a-f-]{27}'\)", block[1])
    assert "viewModel.IsNormalOrAdvance(true)" in block[1]
    assert "viewModel.IsNormalSale(true)" in block[1]
    assert page.count("<script") == 1
    training = bench.verify(bench.book(sale(invoice_type=InvoiceType.TRAINING)).verification_url, BROWSER).text
    assert "viewModel.IsNormalOrAdvance(false);viewModel.IsNormalSale(false);" in training


def test_the_page_needs_nothing_but_itself_its_style_and_one_picture(bench: PublicBench) -> None:
    page = bench.verify(bench.book().verification_url, BROWSER).text
    assert not re.findall(r"\son\w+=|style=|javascript:|<iframe|<form|<object", page)
    sources = set(re.findall(r'(?:src|href)="([^"]{1,60})', page))
    outside = {one for one in sources if not one.startswith(("/", "data:image/gif;base64,"))}
    assert not outside
    assert bench.get("/v/style.css").headers["content-type"] == "text/css; charset=utf-8"
    picture = bench.get("/Content/Images/Verification/Valid.png")
    assert (picture.headers["content-type"], picture.body[:4]) == ("image/png", b"\x89PNG")


def test_policy_and_headers_let_nothing_run_and_nothing_stay(bench: PublicBench) -> None:
    headers = bench.verify(bench.book().verification_url, BROWSER).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert "unsafe" not in headers["content-security-policy"]
    assert {name: policy[name] for name in ("base-uri", "form-action", "frame-ancestors")} == dict.fromkeys(
        ("base-uri", "form-action", "frame-ancestors"), "'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert {"Accept", "Cookie"} <= set(headers["vary"].split(", "))


@pytest.mark.parametrize("tag", PAGE_LANGUAGES)
def test_twenty_lines_weigh_at_most_50_kib_on_the_wire(bench: PublicBench, tag: str) -> None:
    result = bench.book(sale(basket(20)))
    cookie = f"localization={tag}"
    reply = bench.verify(result.verification_url, BROWSER, cookie=cookie, accept_encoding="gzip, br")
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.text.count('<tr role="row">') == 21
    style = bench.get("/v/style.css", accept_encoding="gzip")
    picture = bench.get("/Content/Images/Verification/Valid.png", accept_encoding="gzip")
    whole = len(reply.raw) + len(style.raw) + len(picture.raw)
    assert whole <= WEIGHT_BYTES_MAX, f"{whole} bytes"


def test_who_cannot_inflate_gets_it_plain(bench: PublicBench) -> None:
    result = bench.book()
    reply = bench.verify(result.verification_url, BROWSER)
    assert "content-encoding" not in reply.headers
    packed = bench.verify(result.verification_url, BROWSER, accept_encoding="gzip")
    assert len(gzip.decompress(packed.raw)) == len(reply.raw)


SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def test_a_script_in_a_name_is_only_text(bench: PublicBench) -> None:
    items = (attrs.evolve(basket(1)[0], name=SCRIPT),)
    request = sale(items, cashier=SCRIPT, invoice_number=SCRIPT[:60], buyer_cost_center_id=SCRIPT[:50])
    result = bench.book(request, journal=f"line\r\n{SCRIPT}\r\n{SCRIPT}\r\nend", mrc=SCRIPT)
    page = bench.verify(result.verification_url, BROWSER).text
    assert page.count("<script") == 1
    assert "<img src=x" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 6
    assert 'onerror="' not in page
    assert "'>" not in page.replace("onerror=alert(2)&gt;", "")


def test_a_script_in_the_registry_is_only_text(bench: PublicBench) -> None:
    entry = bench.card.entry()
    bench.elements[bench.card.uid] = bench.card.entry(seller=attrs.evolve(entry.seller, location_name=SCRIPT))
    page = bench.verify(bench.sell().verification_url, BROWSER)
    assert page.text.count("<script") == 1
    assert page.ids["shopFullNameLabel"] == SCRIPT


def test_hidden_and_turning_characters_are_seen(bench: PublicBench) -> None:
    items = (attrs.evolve(basket(1)[0], name="abc\u202egnp.exe\u2066\u200b"),)
    page = bench.verify(bench.book(sale(items)).verification_url, BROWSER).text
    assert "abc[U+202E]gnp.exe[U+2066][U+200B]" in page
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\x00-\x08]", page)


def test_switching_escaping_off_turns_its_test_red(bench: PublicBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "escape", lambda text: text)
    with pytest.raises(AssertionError):
        test_a_script_in_a_name_is_only_text(bench)


def test_switching_visibility_off_turns_its_test_red(bench: PublicBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "visible", lambda text: text)
    with pytest.raises(AssertionError):
        test_hidden_and_turning_characters_are_seen(bench)


def test_the_journal_stands_unaltered_with_the_code_before_its_last_line(bench: PublicBench) -> None:
    journal = '====== FISCAL ======\r\n\r\n  Shop  A   \r\n<b> & "x"\r\n======= END ========\r\n'
    result = bench.book(journal=journal)
    page = bench.verify(result.verification_url, BROWSER).text
    block = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    assert block is not None
    before, image, last = re.split(r"(<img[^>]*>\n)", block[1])
    assert before == "====== FISCAL ======\n\n  Shop  A   \n&lt;b&gt; &amp; &quot;x&quot;\n"
    assert last == "======= END ========"
    source = re.search(r"base64,([^\"]+)", image)
    assert source is not None
    assert base64.b64decode(source[1]) == qr_gif(result.verification_url)
    assert 'width="291"' in image or 'width="303"' in image


def test_the_journal_keeps_its_language_whatever_the_page_speaks(bench: PublicBench) -> None:
    result = bench.book(journal="ФИСКАЛНИ РАЧУН\r\nКРАЈ")
    for tag in PAGE_LANGUAGES:
        assert "ФИСКАЛНИ РАЧУН" in bench.verify(result.verification_url, BROWSER, cookie=f"localization={tag}").text


def test_a_foreign_url_in_the_record_gives_no_code_and_no_failure(bench: PublicBench) -> None:
    request, result = bench.card.invoice()
    bench.put(request, result)
    document = bench.ledger.documents[result.number]
    body = document.body.replace(result.verification_url.encode(), "https://пример/".encode())
    bench.ledger.documents[result.number] = attrs.evolve(document, body=body)
    reply = bench.verify(result.verification_url, BROWSER)
    assert reply.status == 200
    assert "data:image/gif" not in reply.text


def test_every_line_shows_its_tax_as_the_card_counted_it(bench: PublicBench) -> None:
    """Rounded once for each line and label, so the lines add up to the invoice (S2-050)."""
    result = bench.book(sale(basket(20)))
    opened = opened_document(bench.ledger.documents[result.number])
    assert opened is not None
    rows = opened.rows()
    assert sum(row.tax.scaled for row in rows) == sum(item.amount.scaled for item in result.tax_items)
    assert all(row.base.scaled + row.tax.scaled == row.total.scaled for row in rows)


def test_labels_that_the_result_does_not_explain_carry_no_tax(bench: PublicBench) -> None:
    items = (attrs.evolve(basket(1)[0], labels=("A",)),)
    result = bench.book(sale(items), tax_items=())
    page = bench.verify(result.verification_url, BROWSER).text
    assert 'data-label="Tax Amount">0.00</td>' in page
    assert 'data-label="Rate">A 0%</td>' in page


def test_the_proof_is_shown_and_can_be_downloaded(bench: PublicBench) -> None:
    result = bench.book()
    reply = bench.verify(result.verification_url, BROWSER)
    assert 'href="/proof/document/1"' in reply.text
    assert "fdo.example/test/public\n8\nAAAA" in reply.ids["proof"]
    pending = bench.verify(bench.sell().verification_url, BROWSER)
    assert "proof" not in pending.ids


def test_large_amounts_follow_the_language(bench: PublicBench) -> None:
    items = (attrs.evolve(basket(1)[0], unit_price=Money(89600000), total_amount=Money(89600000)),)
    url = bench.book(sale(items)).verification_url
    shown = {tag: bench.verify(url, BROWSER, cookie=f"localization={tag}").ids for tag in PAGE_LANGUAGES}
    assert {tag: ids["totalAmountLabel"] for tag, ids in shown.items()} == {
        "en-US": "8,960.00",
        "sr-Cyrl-RS": "8.960,00",
        "sr-Latn-RS": "8.960,00",
        "ka-GE": "8\u00a0960,00",
    }
    assert shown["sr-Cyrl-RS"]["sdcDateTimeLabel"] == "21.11.2026. 10:00:00"


def test_no_part_of_the_page_forgets_a_field(bench: PublicBench) -> None:
    """Every word of a language is used, and every part names only words that there are."""
    used = set(re.findall(r'\("(\w+)", ', page_parts.__loader__.get_source(page_parts.__name__)))  # type: ignore[union-attr]
    assert used >= set(PAGE_LANGUAGES["en-US"].fields)


def test_georgian_words_are_never_upper_cased() -> None:
    """Mtavruli letters are missing from most fonts, and nobody writes sentences in them."""
    words = str(attrs.asdict(PAGE_LANGUAGES["ka-GE"]))
    assert not [letter for letter in words if "\u1c90" <= letter <= "\u1cbf"]
    assert "text-transform" not in style().decode()
