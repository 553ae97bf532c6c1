"""The running system: how it is started, found and watched on one machine."""
