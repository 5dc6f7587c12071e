"""`python3 -m bot`: looks at the Python that was found, and hands over to the command line.

Must stay readable to Python 3.6, so that an old Python gets a sentence instead of a SyntaxError: nothing newer here,
and nothing newer imported before the check.
"""

import sys

OLDEST = (3, 11)


def too_old(version: "tuple[int, int]") -> str:
    """Return the two sentences for a Python that is too old, or "" for one that is not."""
    if version >= OLDEST:
        return ""
    need, found = ".".join(map(str, OLDEST)), ".".join(map(str, version))
    return (
        f"Нужен е Python {need} или по-нов, а този е {found}: инсталирайте го и започнете с python{need} -m bot\n"
        f"Python {need} or newer is needed, and this is {found}: install it and start with python{need} -m bot\n"
    )


if __name__ == "__main__":
    sentence = too_old((sys.version_info[0], sys.version_info[1]))
    if sentence:
        sys.stderr.write(sentence)
        sys.exit(2)
    from bot import cli

    sys.exit(cli.main(sys.argv[1:]))
