"""`tallystick pki`: devices and their codes, certificates by order, revocation, lists, and what keys signed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.pki_desk import PkiDesk

app = typer.Typer(help="The national PKI: devices, certificates, revocation, lists.", no_args_is_help=True)
OfficerName = Annotated[str, typer.Option("--officer", help="User name of the officer who decides.")]
Why = Annotated[str, typer.Option(help="Why: a case, a report, a request.")]
ReasonWord = Annotated[
    str, typer.Option(help="unspecified, key-compromise, cessation-of-operation, superseded, certificate-hold…")
]
Certificate = Annotated[str, typer.Argument(help="SHA-256 of the certificate in hex, or AUTHORITY/SERIAL in hex.")]
_CLASSES = {"software": 1, "hardware": 2, "vsdc": 3, "erp": 4}


@app.command()
def show(
    holder: Annotated[str, typer.Option(help="Only of this holder, such as device:AB12CD34.")] = "",
    tin: Annotated[str, typer.Option(help="Only of this taxpayer.")] = "",
    authority: Annotated[str, typer.Option(help="Only of this authority.")] = "",
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="How many certificates.")] = 20,
    certificate: Annotated[str, typer.Option(help="Only who did what to this one: SHA-256 or AUTHORITY/SERIAL.")] = "",
) -> None:
    """Print counts, lists in force, requests, and the newest certificates; or the acts on one of them."""
    with _desk() as desk:
        if certificate:
            for act in desk.acts(certificate):
                typer.echo(act)
            return
        lines, certificates = desk.overview(holder, tin, authority, limit)
    for line in lines:
        typer.echo(line)
    for one in certificates:
        name, until = f"{one.authority}/{one.serial:x}", f"until {one.not_after:%Y-%m-%d}"
        typer.echo(f"{name}  {one.profile:16}{one.state:8}{one.holder:28}{until}")


@app.command()
def device(
    uid: Annotated[str, typer.Argument(help="Number of the device: eight upper-case letters or digits.")],
    tin: Annotated[str, typer.Option(help="TIN of the taxpayer.")],
    business: Annotated[str, typer.Option(help="Name of the taxpayer.")],
    shop: Annotated[str, typer.Option(help="Name of the premises, which is also their code.")],
    maker: Annotated[str, typer.Option(help="Who made the device.")],
    model: Annotated[str, typer.Option(help="What the maker calls it.")],
    serial: Annotated[str, typer.Option(help="The maker's serial number.")],
    kind: Annotated[str, typer.Option("--class", help="software, hardware, vsdc or erp.")] = "software",
    address: Annotated[str, typer.Option(help="Street and number of the premises.")] = "",
    form: Annotated[str, typer.Option(help="smartphone, tablet, pc, pos, hardware, vehicle, server, other.")] = "other",
    memory_number: Annotated[str, typer.Option(help="Number of the fiscal memory.")] = "",
    memory_report: Annotated[str, typer.Option(help="Laboratory's report on the write-once memory.")] = "",
    enterprise_number: Annotated[str, typer.Option(help="The taxpayer's own number of the register.")] = "",
) -> None:
    """Register a device of a taxpayer who has an agreement; the same again changes nothing."""
    from tallystick.authority.reference.registry.values import FiscalDevice, FormFactor, Premises
    from tallystick.kernel.identifiers import parse_tin, parse_uid

    if kind not in _CLASSES:
        sys.exit(f"tallystick: a class is one of {', '.join(_CLASSES)}")
    if form not in {*FormFactor}:
        sys.exit(f"tallystick: a form is one of {', '.join(FormFactor)}")
    with _desk() as desk:
        owner = parse_tin(tin)
        made = desk.register_device(
            FiscalDevice(
                uid=parse_uid(uid),
                device_class=_CLASSES[kind],
                tin=owner,
                premises_id=None,
                maker=maker,
                model=model,
                serial_number=serial,
                form_factor=FormFactor(form),
                memory_number=memory_number,
                memory_report=memory_report,
                enterprise_number=enterprise_number,
            ),
            business,
            Premises(tin=owner, code=shop, name=shop, address=address),
        )
    typer.echo(f"{made.uid} is registered ({kind})")


@app.command()
def code(uid: Annotated[str, typer.Argument(help="Number of the device.")], officer: OfficerName) -> None:
    """Print a one-time code for the enrolment of a device: once, valid 72 hours. An earlier one ends."""
    from tallystick.authority.reference.pki.codes import show_code

    with _desk() as desk:
        made = desk.code(uid, officer)
    typer.echo(show_code(made))


@app.command()
def certify(
    request: Annotated[Path, typer.Argument(help="PKCS #10 request, PEM or base64.")],
    officer: OfficerName,
    tin: Annotated[str, typer.Option(help="For the seal of this taxpayer.")] = "",
    user: Annotated[str, typer.Option(help="For this officer or operator.")] = "",
) -> None:
    """Certify a taxpayer's seal or an officer's card; prints the certificate. Names come from the registry."""
    if bool(tin) == bool(user):
        sys.exit("tallystick: name a taxpayer (--tin) or a user (--user)")
    body = request.read_bytes()
    with _desk() as desk:
        made = desk.seal(body, tin, officer) if tin else desk.staff(body, user, officer)
    typer.echo(made.decode(), nl=False)


@app.command()
def revoke(certificate: Certificate, reason: ReasonWord, officer: OfficerName, why: Why) -> None:
    """Revoke one certificate from now on; every channel refuses it at once, the list follows within a second."""
    from tallystick.authority.reference.pki.revoking import reason_of

    with _desk() as desk:
        found = desk.revoke(certificate, reason_of(reason), officer, why)
    typer.echo(f"{found.authority}/{found.serial:x} of {found.holder} is revoked")


@app.command()
def release(certificate: Certificate, officer: OfficerName, why: Why) -> None:
    """Take a certificate off hold."""
    with _desk() as desk:
        found = desk.release(certificate, officer, why)
    typer.echo(f"{found.authority}/{found.serial:x} of {found.holder} is good again")


@app.command("revoke-many")
def revoke_many(
    reason: ReasonWord,
    officer: OfficerName,
    why: Why,
    authority: Annotated[str, typer.Option(help="All live certificates of this authority.")] = "",
    profile: Annotated[str, typer.Option(help="Only of this profile.")] = "",
    tin: Annotated[str, typer.Option(help="Only of this taxpayer.")] = "",
) -> None:
    """Ask that many certificates be revoked. Another officer must approve within 24 hours."""
    from tallystick.authority.reference.pki.revoking import reason_of

    with _desk() as desk:
        chosen = {"authority": authority, "profile": profile, "tin": tin}
        number, count = desk.ask_for_many(chosen, reason_of(reason), officer, why)
    typer.echo(f"request {number} for {count} certificates waits for a second officer, 24 hours at most")


@app.command()
def withdraw(
    authority: Annotated[str, typer.Argument(help="Name of the issuing authority, such as device-ca.")],
    officer: OfficerName,
    why: Why,
    reason: ReasonWord = "ca-compromise",
) -> None:
    """Ask that a compromised issuing authority, and all that it certified, be believed no more. Another officer must
    approve within 24 hours; it takes effect with that."""
    from tallystick.authority.reference.pki.revoking import reason_of

    with _desk() as desk:
        number, count = desk.ask_to_withdraw(authority, reason_of(reason), officer, why)
    typer.echo(
        f"request {number} for {authority} and {count} certificates waits for a second officer, 24 hours at most"
    )


@app.command()
def approve(number: Annotated[int, typer.Argument(help="Number of the request.")], officer: OfficerName) -> None:
    """Approve such a request, as the second officer and from another account than the first."""
    with _desk() as desk:
        desk.approve(number, officer)
    typer.echo(f"request {number} is approved; the process pki carries it out at once")


@app.command()
def crl(
    authority: Annotated[str, typer.Argument(help="Name of the authority, such as device-ca.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the list (DER).")] = None,
    take: Annotated[Path | None, typer.Option(help="A list (DER) that was made elsewhere, such as the root's.")] = None,
    officer: Annotated[str, typer.Option(help="Who brings it; needed with --take.")] = "",
) -> None:
    """Write the revocation list in force to a file, or bring one that was made where the authority is."""
    from tallystick.kit.atomic_file import write_atomically

    if (out is None) == (take is None):
        sys.exit("tallystick: say --out FILE or --take FILE")
    with _desk() as desk:
        if take is not None:
            is_new = desk.take_list(authority, take.read_bytes(), officer)
            typer.echo("taken" if is_new else "this is the list in force")
        elif out is not None:
            write_atomically(out, desk.newest_list(authority), mode=0o644)
            typer.echo(str(out))


@app.command("root-list")
def root_list(
    revoke: Annotated[list[str], typer.Argument(help="Issuing authorities to put on it, such as device-ca.")],
    out: Annotated[Path, typer.Option(help="Where to write the list (DER).")],
    reason: ReasonWord = "ca-compromise",
) -> None:
    """Where the root's key is: sign the root's next list, with these issuing authorities on it for good."""
    from tallystick.ops.root_desk import RootDesk

    made = RootDesk.of_settings().sign(revoke, reason, out)
    typer.echo(f"list {made.number} of the root with {made.count} authorities: {out}")


@app.command("new-authority")
def new_authority(
    branch: Annotated[str, typer.Argument(help="The branch, by the name of its first authority, such as device-ca.")],
) -> None:
    """Where the root's key is: make the next issuing authority of a branch, beside those that are there.

    With custodians it is done by `tallystick ceremony root`.
    """
    from tallystick.ops.root_desk import RootDesk

    name = RootDesk.of_settings().follow(branch)
    typer.echo(f"{name} stands beside the others of {branch} and issues from now on")


@app.command()
def block(
    keys: Annotated[Path, typer.Argument(help="File: a SHA-256 of SubjectPublicKeyInfo in hex each line.")],
    officer: OfficerName,
    why: Why,
) -> None:
    """Let nobody have a certificate for these keys: leaked ones, or those of a broken generator."""
    try:
        hashes = [bytes.fromhex(line) for line in keys.read_text("ascii").split()]
    except ValueError:
        sys.exit("tallystick: a line of the file is not hex")
    if any(len(one) != 32 for one in hashes):
        sys.exit("tallystick: a SHA-256 has 64 hex digits")
    with _desk() as desk:
        count = desk.block_keys(hashes, why, officer)
    typer.echo(f"{count} keys are new on the list")


@app.command()
def reconcile() -> None:
    """Compare each use of an authority's key with certificates and lists; exit code 1 for what nothing explains."""
    with _desk() as desk:
        found = desk.discrepancies()
    for one in found:
        typer.echo(f"{'INCIDENT' if one.is_incident else 'open':10}{one.what}: {one.where}")
    if any(one.is_incident for one in found):
        sys.exit("there are signatures or certificates that nothing explains")
    typer.echo("every signature has one explanation")


@contextmanager
def _desk() -> Iterator[PkiDesk]:
    """The desk of this shell; what the room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.pki_desk import open_desk
    from tallystick.ops.processes.context import Context, system_clock

    try:
        with open_desk(Context.load("pki-tool"), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
