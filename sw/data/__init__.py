"""Images and what damages them: files, downloads, masks, noise."""
