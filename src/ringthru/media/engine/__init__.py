"""Media engines behind one interface, and the choice among them."""
