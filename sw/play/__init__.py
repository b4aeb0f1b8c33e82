"""The page to play with: its static files, and the local service that puts a device behind it."""
