"""How good a restoration is: closeness, the referee, the protocol, multiply-accumulates."""
