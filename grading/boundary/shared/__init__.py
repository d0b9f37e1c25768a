"""What both sides of the boundary use: text that is safe to show, and frames. Nothing here imports the rest of it."""
