"""What must be known beforehand: registry, tax rates, commands."""
