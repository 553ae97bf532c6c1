"""What commands print: for people, for programs, and never a character that controls the terminal."""
