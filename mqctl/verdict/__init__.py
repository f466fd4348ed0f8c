"""Pure judgements of histories: what was lost, how long nothing moved, whether that proves anything."""
