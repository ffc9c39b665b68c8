"""The bench: data by name, simulated conversations, peers in the same run, one report."""
