"""The quality of restorations: metrics, the referee, the protocol, and the count of operations."""
