"""The class report: one folder of pages that opens from disk, for the instructor."""
