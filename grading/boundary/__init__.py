"""The process boundary: the student's code computes on the far side, the grader judges on this one.

``worker/`` is the student's side and imports nothing of the grader. ``proxy`` is the grader's side: objects that look
like the student's module and models. ``channels`` carries frames between the two, inside one process or across two.
"""
