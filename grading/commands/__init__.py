"""Commands that are too large for ``cli.py``: each parses, calls and prints, and decides nothing."""
