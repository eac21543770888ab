"""The console phone: a phone of the switch's own, at the machine's sound devices."""
