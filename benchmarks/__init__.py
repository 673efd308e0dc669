"""The airspeed velocity suite, and in ``peers`` the implementations measured beside the lab's own."""
