"""Steps, each written out: a step never changes once it was released, so none imports today's tables."""
