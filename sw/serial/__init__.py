"""Boards on a serial port: the link and the device."""
