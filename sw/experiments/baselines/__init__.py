"""What the skeletons are compared with: trained networks and closed forms."""
