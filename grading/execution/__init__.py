"""One run of pytest over checks of an assignment: a job goes in, a result for each check comes out.

``process`` starts it and follows it, ``side_by_side`` one for each file of the submission; ``__main__`` is the process,
``plugin`` its pytest plugin, ``run`` and ``session`` what the checks of one run share. The same plugin serves a student
who runs plain ``pytest tests/public``.
"""
