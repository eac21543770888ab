"""The sections of the page: each is a function of the view and the token of whoever looks."""
