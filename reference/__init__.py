"""The solution. The skeletons in ``student/`` are generated from it; it never reaches a student."""
