"""The chip: its hidden numbers, its lines, and how it drifts."""
