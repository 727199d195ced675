"""The register: sells, signs each fiscal document itself, and brings it to the authority (S0-020, S0-054, S0-060).

Promise: a receipt that was given exists in the authority's ledger (online class) or in write-once memory (offline
class); nothing is signed twice for one request, and no number is skipped, whatever moment the power fails. Carries
S0-061 to S0-063, S0-094 to S0-096, S1-026 to S1-033 and K-19, K-21 as far as they concern the device. It owns one
folder: ``register.json`` (what it is), ``device.key`` and ``device.crt``, ``register.db`` (what it did) and
``commands.db`` (what the authority wants of it, `remote`).

`register.Register` is the door for programs, `api` the same over HTTP on loopback, `face` the till in a browser.

Stock, classification of goods and loyalty have their place beside `catalogue`, and are not built.
"""
