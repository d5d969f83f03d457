"""What is right and what is wrong, by the facts alone; pure."""
