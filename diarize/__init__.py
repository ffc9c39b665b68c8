"""Who said what: speaker diarization and transcription on a CPU, without torch."""
