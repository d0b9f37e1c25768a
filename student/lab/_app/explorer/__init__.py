"""The interactive part of a report: a trained decoder in the page, to be moved through with mouse, finger and keys."""
