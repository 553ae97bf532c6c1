"""The ledger: whether every report that was taken is accounted for."""
