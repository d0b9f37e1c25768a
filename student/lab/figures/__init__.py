"""The pictures: each function takes numbers or tensors and returns a matplotlib figure.

Nothing here needs a display.
"""
