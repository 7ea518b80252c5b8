"""The programs that are measured, one file each: a context manager that gives a Running."""
