"""The offline channel at the authority: batches of certified hardware registers, and what they say of their heads.

Promises that a part is durable before it is acknowledged and never taken twice with other bytes; that a batch is booked
once its closing report has come and agrees, at most once and in its order, whatever crashes; that nothing a buyer
holds is thrown away; that every repetition gets the same receipt; and that how long a device was away is measured by
our clock. Carries S0-031, S0-032, S0-061 to S0-065, S0-087, S0-093 to S0-097, K-05, K-15, K-20, K-21, K-24. Owns the
PostgreSQL schema `batches`: batches, their parts until they are booked, contacts and outages of devices, head reports,
and matters that an inspector should see.
"""
