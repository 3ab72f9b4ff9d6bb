"""The briefing for a council: one content, read from a run's folder, as HTML and as PDF."""
