"""Families that factorise p(x) into conditionals, one dimension after another."""
