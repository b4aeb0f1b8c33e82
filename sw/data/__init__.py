"""Images and their damage: files, downloads, masks, noise."""
