"""`python -m nnlint`"""

from nnlint.cli.main import main

# Processes that a check starts import this file again.
if __name__ == "__main__":
    main()
