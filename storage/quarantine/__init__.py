"""The quarantine: payloads that could not be understood, and their ways out of it."""
