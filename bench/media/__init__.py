"""How many packets a media engine carries on one core, against what sockets can carry at all."""
