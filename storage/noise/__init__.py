"""Rules files of noise that were loaded into this system, and which of them is in force."""
