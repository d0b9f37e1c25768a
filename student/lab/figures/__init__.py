"""The pictures: each function takes numbers or tensors and returns a matplotlib figure; nothing here needs a "
"display."""
