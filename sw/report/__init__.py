"""Parts of pages and pictures that are made from measurements."""
