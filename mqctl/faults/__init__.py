"""What is broken on purpose, how its effect is observed, and how it is put right again."""
