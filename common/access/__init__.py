"""Who may do what: actors, policies, and the door at which every request says who it is."""
