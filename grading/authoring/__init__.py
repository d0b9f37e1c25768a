"""Tools of whoever writes or releases the assignment."""
