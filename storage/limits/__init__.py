"""The limits of projects, as Redis keeps them."""
