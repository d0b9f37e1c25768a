"""The solution of the small assignment, and its catalogue."""
