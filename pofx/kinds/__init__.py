"""Bytes to arrays and back; every limit is applied before anything is decoded."""
