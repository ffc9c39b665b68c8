"""Metrics: who spoke when (turns), who said what (words), and whether confidences mean anything."""
