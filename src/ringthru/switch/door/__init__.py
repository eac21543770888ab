"""Who may come in: logins, limits, bans."""
