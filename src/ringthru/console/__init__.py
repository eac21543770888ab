"""One command table and its faces. Imports switch and net."""
