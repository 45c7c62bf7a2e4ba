"""Carriers: what takes events from those who send them to where they are delivered."""
