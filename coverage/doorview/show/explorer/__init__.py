"""The explorer: one self-contained HTML file of a run."""
