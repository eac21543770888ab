"""Messages that callers leave, and those who fetch them; nothing is exported here."""
