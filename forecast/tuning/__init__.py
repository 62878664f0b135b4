"""The search for good settings: what may be tried, how it is judged, and where what was found is kept."""
