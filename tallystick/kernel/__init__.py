"""Values and rules of fiscalisation: money, tax, invoices, identifiers, faults and limits.

No I/O, no clock, no randomness. Time and bytes come in as arguments; decisions go out as values or as one coded fault.
"""
