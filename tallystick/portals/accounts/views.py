"""Sign-in by a one-time link, and sign-out."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tallystick.portals.accounts.acts import log_act
from tallystick.portals.accounts.backend import links_allowed
from tallystick.portals.accounts.rights import home_of


@login_not_required
@require_GET
def sign_in(request: HttpRequest) -> HttpResponse:
    """Says how to get in."""
    return render(request, "sign_in.html", {"demo": links_allowed()})


@login_not_required
@require_http_methods(["GET", "POST"])
def sign_in_by_link(request: HttpRequest, user: int, token: str) -> HttpResponse:
    """Opening the link shows a button; pressing it signs in, so that a preview of the link does not spend it."""
    if not links_allowed():
        raise Http404
    if request.method == "GET":
        return render(request, "sign_in_link.html")
    account = authenticate(request, user_id=user, link_token=token)
    if account is None:
        return render(request, "sign_in.html", {"demo": True, "spent": True}, status=401)
    request.session.flush()  # whoever had this session before has it no longer, the same user included
    login(request, account)
    log_act(account, "session.sign-in", "one-time link")
    return redirect(home_of(account))


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """To the page on which this user begins."""
    return redirect(home_of(request.user))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    log_act(request.user, "session.sign-out")
    logout(request)
    return redirect("sign-in")
