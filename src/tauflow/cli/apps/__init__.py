"""Commands that are whole applications: a world, policies taught in it, a table and a page."""
