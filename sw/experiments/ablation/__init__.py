"""What each choice of training brings: rows that change one thing, trained alike and compared."""
