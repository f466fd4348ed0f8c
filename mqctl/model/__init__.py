"""What is wanted and what was seen: frozen types without I/O."""
