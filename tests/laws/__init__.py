"""What each function of the assignment may compute instead of what it should: one module an item."""
