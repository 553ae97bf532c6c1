"""Prints for people and for programs, and never a character that controls the terminal."""
