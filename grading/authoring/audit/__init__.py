"""Is this assignment sound? The audit of its checks, by submissions of which it is known what they deserve."""
