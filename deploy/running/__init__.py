"""The running system: how it is started, found and shared on one machine."""
