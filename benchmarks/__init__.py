"""Benchmarks of airspeed velocity (asv) and, in `benchmarks.peers`, other implementations to measure beside adamlab."""
