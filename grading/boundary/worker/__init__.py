"""The student's side of the boundary. Nothing in here imports the grader, the tests or the reference."""
