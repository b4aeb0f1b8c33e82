"""Generated parts of pages, pictures, and the copy of results into docs."""
