"""From a number to what is done: the hunt, the applications, the variables."""
