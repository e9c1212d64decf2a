"""The lessons: scripts to read from top to bottom, to step through cell by cell, and to run (`python -m lessons`)."""
