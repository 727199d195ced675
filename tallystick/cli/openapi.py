"""`tallystick openapi`: the interfaces described for programs."""

from enum import StrEnum
from typing import Annotated

import typer


class Interface(StrEnum):
    """Which interface."""

    POS = "pos"
    TAXCORE = "taxcore"
    ECR = "ecr"
    ERP = "erp"
    TAX_QUEUE = "tax-queue"
    TAX_SERVICE = "tax-service"


def openapi(
    interface: Annotated[
        Interface,
        typer.Argument(
            help="`pos`: the POS API of an E-SDC; `taxcore`: TaxCore.API of the authority; `ecr`: the national "
            "online channel; `erp`: that of ERP systems; `tax-queue`: figures of the queue to the tax service; "
            "`tax-service`: what a tax authority's own system offers us."
        ),
    ] = Interface.POS,
    collection: Annotated[bool, typer.Option("--collection", help="Print a Postman collection (v2.1).")] = False,
    server: Annotated[str | None, typer.Option(help="Address of the server to name in it.")] = None,
) -> None:
    """Print the OpenAPI 3.1 document of an interface, as its listener serves it at /openapi.json."""
    import msgspec

    from tallystick.device.esdc.own_codes import own_codes
    from tallystick.wire.openapi_ecr import ecr_api
    from tallystick.wire.openapi_erp import erp_api
    from tallystick.wire.openapi_pos import pos_api
    from tallystick.wire.openapi_tax_queue import tax_queue_api
    from tallystick.wire.openapi_tax_service import tax_service_api
    from tallystick.wire.openapi_taxcore import taxcore_api
    from tallystick.wire.postman import collection as collection_of

    named = {"server": server} if server else {}
    match interface:
        case Interface.POS:
            document = pos_api(own_codes(), **named)
        case Interface.TAXCORE:
            document = taxcore_api(**named)
        case Interface.ECR:
            document = ecr_api(**named)
        case Interface.ERP:
            document = erp_api(**named)
        case Interface.TAX_QUEUE:
            document = tax_queue_api(**named)
        case _:
            document = tax_service_api(**named)
    made = collection_of(document) if collection else document
    typer.echo(msgspec.json.format(msgspec.json.encode(made), indent=2).decode())
