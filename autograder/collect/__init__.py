"""Fetching a class's repositories, and the commit of each that counts at its deadline. The way in is `collect.Collector`."""
