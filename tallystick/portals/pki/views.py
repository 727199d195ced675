"""The PKI on a page: thin; every rule is in the room."""

from __future__ import annotations

from typing import Any

import psycopg
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.reference.pki import queries, revoking
from tallystick.authority.reference.pki.values import Reason
from tallystick.authority.reference.pki_registry import RegistryOfDevices
from tallystick.kernel.country_pack import CERTIFICATE_PROFILES
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.reasons import read_reason
from tallystick.portals.accounts.acts import log_act, person_of
from tallystick.portals.accounts.rights import REVOKE_CERTIFICATES, SEE_CERTIFICATES, may, only_who_may
from tallystick.portals.deciding import carry_out, show
from tallystick.portals.pki.lines import CertificateLine, authority_lines, certificate_line
from tallystick.portals.shared_connection import shared_connection

CERTIFICATES_SHOWN = 50
_SEARCH_CHARACTERS_MAX = 120
_SELECTORS = ("authority", "profile", "tin")
_REGISTRY = RegistryOfDevices()
_FINAL = tuple(one.word for one in Reason if one is not Reason.CERTIFICATE_HOLD)


@require_GET
@only_who_may(SEE_CERTIFICATES)
def home(request: HttpRequest) -> HttpResponse:
    """Authorities and lists, and the certificates that were searched for."""
    return _page(request, _words(request.GET.get("words", "")))


@require_POST
@only_who_may(REVOKE_CERTIFICATES)
def decide(request: HttpRequest, certificate: str, deed: str) -> HttpResponse:
    """Revoke one certificate, put it on hold or take it off."""
    by, now = person_of(request.user).actor, timezone.now()

    def work(conn: psycopg.Connection[Any]) -> None:
        why = read_reason(request.POST.get("reason", ""))
        found = revoking.find(conn, certificate)
        if deed == "lift":
            revoking.release(conn, _REGISTRY, found, by, why, now)
            return
        reason = Reason.CERTIFICATE_HOLD if deed == "hold" else _final_reason(request)
        revoking.revoke(conn, _REGISTRY, found, reason, by, why, now)

    return carry_out(work, lambda fault: _page(request, certificate, fault), f"{reverse('pki')}?words={certificate}")


@require_POST
@only_who_may(REVOKE_CERTIFICATES)
def revoke_many(request: HttpRequest) -> HttpResponse:
    """Ask that many be revoked; a second officer decides, and the PKI carries it out."""
    by, now = person_of(request.user), timezone.now()
    selection = {name: _words(request.POST.get(name, "")) for name in _SELECTORS}
    return carry_out(
        lambda conn: revoking.ask_for_many(
            conn, selection, _final_reason(request), read_reason(request.POST.get("reason", "")), by, now
        ),
        lambda fault: _page(request, "", fault),
        "approvals",
    )


def _final_reason(request: HttpRequest) -> Reason:
    reason = revoking.reason_of(request.POST.get("crl_reason", ""))
    if reason is Reason.CERTIFICATE_HOLD:
        raise Fault("TS-3023", detail="a hold is a deed of its own")
    return reason


def _words(text: str) -> str:
    """What was searched for, without what no text of the database can hold."""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:_SEARCH_CHARACTERS_MAX]


def _page(request: HttpRequest, words: str, fault: Fault | None = None) -> HttpResponse:
    conn, now = shared_connection(), timezone.now()
    found: list[CertificateLine] = []
    if words:
        found = [
            certificate_line(conn, _REGISTRY, one, now) for one in queries.search(conn, words, limit=CERTIFICATES_SHOWN)
        ]
        if fault is None:
            log_act(request.user, "pki.search", words)
    facts = {
        "authorities": authority_lines(conn, _REGISTRY, now),
        "trust_list": queries.newest_trust_list(conn),
        "certificates": found,
        "words": words,
        "most": CERTIFICATES_SHOWN,
        "revokes": may(request.user, REVOKE_CERTIFICATES),
        "reasons": _FINAL,
        "profiles": CERTIFICATE_PROFILES,
        "reason_least": LIMITS.reason_characters_least,
        "reason_most": LIMITS.reason_characters_most,
    }
    return show(request, "pki/pki.html", facts, fault)
