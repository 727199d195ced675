"""What all pages of decisions share: a deed is done in one transaction, and what a room refuses is said on the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.portals.shared_connection import shared_connection


def carry_out(
    deed: Callable[[psycopg.Connection[Any]], object], refused: Callable[[Fault], HttpResponse], back: str, **place: Any
) -> HttpResponse:
    """Do the deed and go to the page named ``back``; a fault changes nothing and is answered by ``refused``."""
    try:
        with transaction.atomic():
            deed(shared_connection())
    except Fault as fault:
        return refused(fault)
    answer: HttpResponse = redirect(back, **place)
    return answer


def show(request: HttpRequest, template: str, facts: Mapping[str, object], fault: Fault | None) -> HttpResponse:
    """A page with what was refused, if anything: its code, its title and its status."""
    if fault is None:
        return render(request, template, {**facts, "fault": None})
    kind = CATALOGUE[fault.code]
    return render(request, template, {**facts, "fault": fault, "fault_title": kind.title}, status=kind.http_status)
