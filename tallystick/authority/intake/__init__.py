"""The one pipeline that every document passes on its way into the ledger: fifteen numbered steps, one fault each.

Promises that what was lawfully signed is never thrown away (booked, booked with a flag, or in quarantine), that the
same bytes again get the same answer again, that a final answer is given only behind the acknowledgement gate, and that
whoever sends what cannot be opened learns nothing but that. Carries S2-025, S2-085, S2-093, S2-094, S2-148, K-11, K-23,
K-25. Owns the PostgreSQL schema `intake` (refused, quarantine, evidence) and the unwrap process with its key.
"""
