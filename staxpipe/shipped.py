"""Files that people find at the top of the tree and the program reads at run time: dagster.yaml, workspace.yaml, cfn/.

In a checkout they are beside the package; in an installed wheel, inside it (see pyproject.toml, force-include).
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """The path of a shipped file or folder, as in ``shipped("cfn/staxpipe-link.yaml")``.

    Raises:
        FileNotFoundError: when this staxpipe was packed without it.
    """
    for folder in (_PACKAGE / "shipped", _PACKAGE.parent):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{name} is neither beside the package {_PACKAGE} nor in it")
