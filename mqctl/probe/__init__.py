"""One script per host and round trip, and the parsers of what it says."""
