"""What is done for calls that nobody took: voicemail's door, parking, menus, pick-up; nothing is exported."""
