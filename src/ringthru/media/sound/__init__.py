"""What is heard, as samples: G.711, tones, files, voices mixed."""
