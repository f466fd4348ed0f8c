"""What each command does, as a literal list of phases."""
