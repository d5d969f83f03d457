"""Every schema in which an event was ever stored: an example of it, and its JSON Schema; no file here ever changes."""
