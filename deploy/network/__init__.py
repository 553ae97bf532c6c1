"""How addresses are written, and the ports of this machine."""
