"""What any long run needs: checkpoints, processes, folders, the terminal."""
