"""Right answers in other styles."""
