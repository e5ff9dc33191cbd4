"""Beside the networks: simple answers in closed form, held-out folds, and how much each answer counts."""
