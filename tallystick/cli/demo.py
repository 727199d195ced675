"""`tallystick demo`: a whole country on this machine."""

from typing import Annotated

import typer


def demo(
    stores: Annotated[int, typer.Option(help="How many of the busiest shops sell.", min=1, max=457)] = 20,
    all_stores: Annotated[bool, typer.Option("--all", help="All 457 shops sell all they have.")] = False,
    baskets: Annotated[
        int | None, typer.Option(help="Offer at most so many baskets a shop, counted from its first.", min=1)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the former country and make a new one.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Stay running after the last basket; Ctrl-C ends it.")] = False,
    calm: Annotated[bool, typer.Option("--calm", help="A day without outage, media, changed and dead cards.")] = False,
    host: Annotated[str, typer.Option(help="Address of this machine for the public pages.")] = "127.0.0.1",
) -> None:
    """Make a country and let its tills sell real baskets, from the till to the ledger to the buyer's phone."""
    from rich.console import Console

    from tallystick.ops.settings import load_settings
    from tallystick.simulation.demo import Demo, DemoOptions

    options = DemoOptions(
        stores=457 if all_stores else stores, baskets_each=baskets, fresh=fresh, keep=keep, calm=calm, host=host
    )
    raise typer.Exit(Demo(load_settings(), options, Console()).run())
