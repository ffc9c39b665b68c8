"""Other people's systems, each in an environment of its own, behind one line protocol."""
