"""What phones subscribe to: lamps, presence, messages; nothing is exported here."""
