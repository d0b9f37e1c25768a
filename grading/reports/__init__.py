"""Reports: functions from a score document to something that people read. They touch nothing else."""
