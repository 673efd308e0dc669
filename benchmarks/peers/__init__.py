"""Other implementations, measured beside the lab's. The folder is the registry: a new peer is one new file.

A peer is a module with

* ``missing() -> str | None``: why it cannot run on this machine, in a clause, or None if it can;
* ``version() -> str``: what it is, for the record;

and one or both of

* ``implementations(keys) -> dict[str, Case]``: for a configuration given by swept key (``optimizer``, ``dim``, ...),
  the peer's ways to do the same run, by the name they get in the column ``implementation``: each a case of
  `adamlab.timing`, one repetition being one whole run. Empty where the peer has nothing to compare;
* ``namesakes() -> tuple[Namesake, ...]``: its methods that go by the name of one of our leaves, and what is known of
  how they differ (`adamlab.conformance`).
"""
