"""The emulator: a device that answers only through pulses. See README.md of this room."""
