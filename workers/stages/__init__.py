"""The stages that each report passes, from detection to its fingerprint. Pure."""
