"""What stands at the premises: the secure element, its virtual card and the E-SDC."""
