"""What passes between the engine and a gateway, written down so that it can be shown and played again."""
