"""The gradebook: our own, and a platform's own export with our scores filled in."""
