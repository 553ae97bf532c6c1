"""The projects: their registry, settings, public keys, origins and partitions."""
