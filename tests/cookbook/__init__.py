"""The cookbook, `docs/query/cookbook.md`: two weeks of a shop, and what its queries answer of them."""
