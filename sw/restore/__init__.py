"""From an input to a result: images, folders, pictures, reports."""
