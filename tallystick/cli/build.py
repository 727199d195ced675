"""`tallystick build`: a maker signs what he ships; an authority registers makers and decides about their builds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.build_desk import BuildDesk

app = typer.Typer(help="Certified builds: sign, compare, submit, certify, suspend, revoke.", no_args_is_help=True)
BuildId = Annotated[str, typer.Argument(help="Id of the build, or the beginning of it.")]
OfficerName = Annotated[str, typer.Option("--officer", help="User name of the officer who decides.")]
Reason = Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")]
ManifestFile = Annotated[Path, typer.Argument(help="The signed manifest.", exists=True, dir_okay=False)]
Folder = Annotated[Path, typer.Argument(help="Folder of the files.", exists=True, file_okay=False)]


@app.command()
def key(file: Annotated[Path, typer.Argument(help="File for the private key; the public one lies beside it.")]) -> None:
    """Make a maker's release key (P-256). Keep the private file where nobody builds."""
    from tallystick.crypto.keys import generate_p256_key, store_private_key, store_public_key

    if file.exists():
        sys.exit(f"tallystick: {file} is there already")
    made, public = generate_p256_key(), file.with_suffix(".pub.pem")
    store_private_key(file, made)
    store_public_key(public, made.public)
    typer.echo(f"{file} (keep it secret), {public} (give it to the authority)")


@app.command()
def manifest(
    folder: Folder,
    maker: Annotated[str, typer.Option(help="Short name under which the authority knows the maker.")],
    product: Annotated[str, typer.Option(help="Name of the product.")],
    version: Annotated[str, typer.Option(help="Version of the product.")],
    kind: Annotated[
        str, typer.Option("--class", help="esdc, software-register, hardware-register, erp, hosted-signer.")
    ],
    release_key: Annotated[Path, typer.Option("--key", help="The maker's private key.", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("build.jws"),
) -> None:
    """Measure every file below a folder and sign the manifest."""
    from tallystick.crypto.keys import load_private_key
    from tallystick.crypto.signatures import sign_es256
    from tallystick.kernel.builds import BuildClass
    from tallystick.kit.atomic_file import write_atomically
    from tallystick.ops.build_files import measure
    from tallystick.wire.build_manifest import Manifest, read_manifest, write_manifest

    if kind not in set(BuildClass):
        raise typer.BadParameter(f"one of {', '.join(BuildClass)}", param_hint="--class")
    with _refusals():
        private = load_private_key(release_key)
        made = Manifest(
            maker=maker, product=product, version=version, build_class=BuildClass(kind), files=measure(folder)
        )
        compact = write_manifest(made, private.public.spki, lambda text: sign_es256(private, text))
        write_atomically(out, compact)
        typer.echo(f"{out}: {len(made.files)} files, build {read_manifest(compact).build_id}")


@app.command()
def compare(file: ManifestFile, folder: Folder) -> None:
    """Say which files below a folder are not as the maker signed them; ends with 1 when there are any."""
    from tallystick.ops.build_files import compare as find_differences
    from tallystick.wire.build_manifest import read_manifest

    with _refusals():
        found = find_differences(read_manifest(file.read_bytes()).manifest, folder)
    for word, names in (("changed", found.changed), ("missing", found.missing), ("not signed", found.foreign)):
        for name in names:
            typer.echo(f"{word:11}{name}")
    if found:
        raise typer.Exit(1)
    typer.echo("every file is as it was signed")


@app.command("register-maker")
def register_maker(
    maker: Annotated[str, typer.Argument(help="Short name: small letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="Name as people know it.")],
    release_key: Annotated[Path, typer.Option("--key", help="Public key, PEM.", exists=True, dir_okay=False)],
    officer: OfficerName,
    user: Annotated[str, typer.Option(help="User of the pages who acts for the maker.")] = "",
) -> None:
    """Register a maker with the key that his manifests are signed with."""
    with _desk() as desk:
        desk.register_maker(officer, maker, name, release_key, user)
    typer.echo(f"{maker} is registered")


@app.command()
def submit(file: ManifestFile) -> None:
    """Hand a signed manifest in; it waits for an officer then."""
    with _desk() as desk:
        typer.echo(f"build {desk.submit(file.read_bytes())}")


@app.command("list")
def list_builds() -> None:
    """Print the builds, those that wait for an officer first."""
    with _desk() as desk:
        for one in desk.builds():
            name = f"{one.maker}  {one.product} {one.version}  {one.build_class}"
            typer.echo(f"{one.build_id[:16]}  {one.state:<10}{name}  proved by {one.devices}")


@app.command()
def certify(build: BuildId, officer: OfficerName, reason: Reason) -> None:
    """Certify a build, or take a suspended one up again."""
    with _desk() as desk:
        desk.certify(officer, build, reason)
    typer.echo("certified")


@app.command()
def refuse(build: BuildId, officer: OfficerName, reason: Reason) -> None:
    """Do not certify a build."""
    with _desk() as desk:
        desk.refuse(officer, build, reason)
    typer.echo("refused")


@app.command()
def suspend(build: BuildId, officer: OfficerName, reason: Reason) -> None:
    """Stop every device with this build, until it is certified again."""
    with _desk() as desk:
        desk.suspend(officer, build, reason)
    typer.echo("suspended")


@app.command()
def revoke(build: BuildId, officer: OfficerName, reason: Reason) -> None:
    """Ask that a build be revoked for good; another officer approves with `tallystick approvals approve`."""
    with _desk() as desk:
        number = desk.ask_to_revoke(officer, build, reason)
    typer.echo(f"request {number} waits for a second officer, 24 hours at most")


@contextmanager
def _refusals() -> Iterator[None]:
    """What is refused is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault

    try:
        yield
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
    except (OSError, ValueError) as error:
        sys.exit(f"tallystick: {error}")


@contextmanager
def _desk() -> Iterator[BuildDesk]:
    from tallystick.ops.build_desk import open_builds
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings

    with _refusals(), open_builds(load_settings(), system_clock) as desk:
        yield desk
