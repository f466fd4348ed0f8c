"""The clients of a failover test; everything they do lands in the history."""
