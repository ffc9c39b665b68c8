"""Conversations made of single voices, with turn-taking, rooms, noise and lines of real ones."""
