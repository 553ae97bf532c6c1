"""Rows: equal reports become one; each payload has a receipt, outcomes, or a quarantine row. Pure."""
