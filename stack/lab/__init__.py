"""What may be broken on purpose in a stack of one's own: load, a slow projector, processes that die, a poisoned log."""
