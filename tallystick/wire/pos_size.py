"""How large the audit package of a request can become: known before the card is touched."""

from __future__ import annotations

from tallystick.kernel.invoice import InvoiceRequest

SURELY_FITS_BYTES = 64 * 1024
"""A request whose body is no longer than this needs no reckoning."""
_PACKAGE_REST_BYTES = 24 * 1024  # signature, internal data, URL, seller, a hundred payments in request and journal
_PACKAGE_ITEM_BYTES = 300  # keys, figures, GTIN; a padded line and a line of figures in the journal


def package_bytes(request: InvoiceRequest) -> int:
    """An upper bound of the audit data of a request: each name stands in it twice, as JSON and inside the journal.

    What is signed must fit into a package that the authority takes, so this is known before the card is touched.
    """
    total = _PACKAGE_REST_BYTES
    for item in request.items:
        texts = (item.name, *item.labels)
        total += _PACKAGE_ITEM_BYTES
        total += sum(2 * (len(text.encode()) + text.count('"') + text.count("\\")) + 8 for text in texts)
    return total
