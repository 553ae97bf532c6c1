"""The means of measuring: the machine, the memory of processes, the size of a run, and its table."""
