"""Types of request bodies and answers, one file per endpoint."""
