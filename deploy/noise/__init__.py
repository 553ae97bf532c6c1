"""Rules of noise on reports that are stored already."""
