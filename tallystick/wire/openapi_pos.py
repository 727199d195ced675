"""x"""


def pos_api_document() -> bytes:
    """x"""
    return b"{}"
