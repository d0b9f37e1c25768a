"""The process boundary: the student's code computes on the far side, the grader judges on this one.

``worker/`` is the student's side; of the grader it imports ``shared/`` alone, what both sides use. ``proxy`` is the
grader's side: objects that look like the student's module and models. ``channels`` carry frames between the two.
"""
