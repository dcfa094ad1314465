"""What each endpoint means, without HTTP."""
