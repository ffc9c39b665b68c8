"""The bench's page: what is on it, section by section."""
