"""Typical wrong answers to each task: what each student is told, and what the checks must find."""
