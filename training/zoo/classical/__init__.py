"""Families with a closed-form or classical fit."""
