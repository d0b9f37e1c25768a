"""The hidden tier on a hosting service, without a secret where a student can read it.

Three steps, each a command and each a job of its own: ``fetch`` holds a token that reads the students' repositories,
``grading`` runs the students' code and holds nothing, ``publish`` holds a token that writes check runs. ``sealed`` and
``keyless`` serve courses that want the hidden tier within the student's own push.
"""
