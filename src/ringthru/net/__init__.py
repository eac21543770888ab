"""The ground floor: addresses, access lists, our surroundings, sockets. Imports none of ours."""
