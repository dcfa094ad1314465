"""HTTP endpoints: glue between a request, an operation and an answer."""
