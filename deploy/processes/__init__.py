"""Child processes and the ports of this machine."""
