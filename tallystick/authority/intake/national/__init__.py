"""The way of a national document through the one pipeline: the same fifteen steps, with checks of its own.

Promises that a document stands in the very place of its device's sequence that the device signed, or is refused with
the place that is expected; that the same bytes get the same answer, after a restart as well; and that what was sold is
given back once at most. Carries S0-035 to S0-038, S0-053 to S0-060, S1-026 to S1-033, K-04.
"""
