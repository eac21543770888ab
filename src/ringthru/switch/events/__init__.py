"""What the switch tells those who listen: events in FreeSWITCH's words."""
