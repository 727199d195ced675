"""A day at the till by keys alone: sale, return, correction, X and Z, in three scripts, on phone and desk (S0-020).

Pictures of each place are written for people to look at.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import DESKTOP, PHONE, Visit, Visitor
from till_bench import Bench, without_flushes
from till_live import LiveRegister

from tallystick.device.ecr.synchronise import Pace

pytestmark = [pytest.mark.browser, pytest.mark.soak]
CATALOGUE = "code,name,price,label\n4006381333931,Blue pen,1.20,A\n20000017,Bread,2.50,B\n"
TABS_MOST = 40


def tab_to(visitor: Visitor, wanted: str) -> None:
    """Go on with the Tab key until an element has the focus, which is to be seen."""
    page = visitor.page
    for _ in range(TABS_MOST):
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            outline = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
            assert outline >= 2, f"nobody sees that {wanted} has the focus"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by keys")


@pytest.mark.parametrize(("tag", "size"), [("en-US", PHONE), ("sr-Latn-RS", DESKTOP), ("ka-GE", PHONE)])
def test_s0_020_a_day_by_keys_alone(tmp_path: Path, visit: Visit, tag: str, size: dict[str, int]) -> None:
    (tmp_path / "catalogue.csv").write_text(CATALOGUE, encoding="utf-8")
    with without_flushes():
        live = LiveRegister(Bench(tmp_path, languages=(tag,)), Pace(round_seconds=60))
        try:
            _walk(visit(viewport=size), live, tag)
        finally:
            live.close()
    assert len(live.bench.authority.booked) == 7
    assert not live.bench.authority.state.is_open


def _walk(visitor: Visitor, live: LiveRegister, tag: str) -> None:
    page, keys = visitor.page, visitor.page.keyboard

    def there(path: str, name: str) -> None:
        page.wait_for_url(f"**{path}")
        visitor.assert_fits()
        visitor.picture(f"keys-{tag}-{name}")

    page.goto(live.url)
    tab_to(visitor, "main button")
    keys.press("Enter")
    there("/?m=registered", "1-registered")
    keys.type("100")
    keys.press("Tab")
    keys.type("Ana\n")
    there("/?m=opened", "2-opened")
    keys.type("4006381333931\n3*20000017\n")
    page.locator("ul.basket li").nth(1).wait_for()
    tab_to(visitor, "input[name=amount]")
    keys.type("20\n")
    there("/receipt/3?m=sold", "3-sold")
    tab_to(visitor, "a[href='/back/3']")
    keys.press("Enter")
    there("/back/3", "4-back")
    tab_to(visitor, "input[name=q1]")
    keys.type("1\n")
    there("/receipt/4?m=given_back", "5-given-back")
    tab_to(visitor, "a[href='/correct/4']")
    keys.press("Enter")
    there("/correct/4", "6-correct")
    keys.type("Bread")
    keys.press("Tab")
    keys.type("0,10")
    tab_to(visitor, "input[name=reason]")
    keys.type("forgotten\n")
    there("/receipt/5?m=corrected", "7-corrected")
    for number, action in ((6, "/shift/x"), (7, "/shift/close")):
        tab_to(visitor, "a[href='/shift']")
        keys.press("Enter")
        there("/shift", f"8-shift-{number}")
        tab_to(visitor, f"form[action='{action}'] button")
        keys.press("Enter")
        there(f"/receipt/{number}?*", f"9-report-{number}")
    visitor.assert_accessible()
