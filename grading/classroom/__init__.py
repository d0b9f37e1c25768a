"""Many submissions in, a finished folder out: who handed in what and when, and what it is worth."""
