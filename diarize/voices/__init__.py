"""Voices remembered: the store, who a voice is, names for transcripts, search and groups."""
