"""Poison payloads: found by trials, so that the rest of their batch goes on."""
