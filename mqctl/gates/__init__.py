"""Pure judgements: what the hosts said against what the inventory wants. No evidence is never a pass."""
