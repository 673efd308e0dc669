"""Options of programs that read records, given as ``name=value``."""

from collections.abc import Mapping, Sequence

from adamlab.rules.symbols import ConfigurationError


def chosen_options(program: str, arguments: Sequence[str], defaults: Mapping[str, str]) -> dict[str, str]:
    """What a program that reads records is told as ``name=value``, over its ``defaults``.

    Raises `ConfigurationError` for a name without a default, and for one without a value.
    """
    chosen = dict(defaults)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name not in chosen or not equals or not value:
            takes = ", ".join(f"{key}=..." for key in defaults)
            raise ConfigurationError(f"{program}: takes {takes}; it is {argument!r}")
        chosen[name] = value
    return chosen
