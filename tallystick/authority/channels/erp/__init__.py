"""The ERP channel: accounting systems that issue documents themselves, through the online channel's own door.

Promises that a connection is a device of the ERP class with a sequence of its own; that a key that an ERP gives to an
act names that act and no other, whoever repeats it and after any restart; that a bulk is judged in order with a verdict
for each document, and sent again gives the same documents the same answers; that the feed tells each thing that became
of a document exactly once to who reads on from its cursor; and that webhooks tell the same, signed, in order, at least
once, to public addresses alone. Carries S0-019, S0-080, S0-090. Owns the PostgreSQL schema `erp`.
"""
