"""Hosted signing for POS without a card (V-SDC): POS API v3 over TLS with client certificate and PAC.

A request is checked, its number is taken and its text stored, then it is signed by a signing element of the operator
and booked through the one pipeline; the answer leaves behind the acknowledgement gate. Counters belong to the pair of
the POS that asked and the element that signed. Owned here: PACs, signing elements, pairs, request ids.
"""
