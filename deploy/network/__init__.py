"""Addresses as they are written, and the ports of this machine."""
