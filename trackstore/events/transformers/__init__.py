"""Transformers: what makes statements of other standards of events."""
