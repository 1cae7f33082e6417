"""The pages, one module a subject. Each reads a form, calls what decides, and answers with a page or a redirect."""
