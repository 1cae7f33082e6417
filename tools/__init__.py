"""Programs for those who work on staxpipe; the product does not use them."""
