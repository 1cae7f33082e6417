"""``python -m staxpipe.onboarding``: serve the pages until stopped."""

from staxpipe.onboarding.server import main

if __name__ == "__main__":
    main()
