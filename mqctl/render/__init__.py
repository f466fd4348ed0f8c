"""Topology to files: decided here, printed by templates/, read by the programs on the hosts. Pure."""
