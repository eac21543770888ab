"""Sound devices: a machine's own, and such as need no machine. Frames are 20 ms of µ-law at 8000 Hz."""
